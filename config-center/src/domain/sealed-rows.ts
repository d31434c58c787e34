import type { ProviderKey, SecretsReport } from '@ai-gateway/contracts';
import {
  type MasterKeys,
  type RandomBytes,
  rewrapSecret,
  type SecretOwner,
  sealSecret,
} from '@ai-gateway/contracts/secrets';

/** A secret shorter than this would be half told by its last characters. */
const LEAST_LENGTH_TO_SHOW = 12;

/** The fields of a provider key that its secret makes. */
export function sealedFields(
  rowId: string,
  secret: string,
  masterKeys: MasterKeys,
  random: RandomBytes,
): Pick<ProviderKey, 'lastFour' | 'sealed'> {
  return {
    lastFour: secret.length < LEAST_LENGTH_TO_SHOW ? '' : secret.slice(-4),
    sealed: sealSecret(secret, ownerOf(rowId), masterKeys, random),
  };
}

/** What is under another master key than the current one although its own is known. */
export function outdated<T extends Pick<ProviderKey, 'sealed'>>(rows: readonly T[], masterKeys: MasterKeys): T[] {
  return rows.filter(
    ({ sealed }) => sealed.masterKeyId !== masterKeys.currentId && masterKeys.byId.has(sealed.masterKeyId),
  );
}

/**
 * A row under the current master key.
 * @throws SecretUnreadable
 */
export function rewrapped<T extends Pick<ProviderKey, 'id' | 'sealed'>>(
  row: T,
  masterKeys: MasterKeys,
  random: RandomBytes,
): T {
  return { ...row, sealed: rewrapSecret(row.sealed, ownerOf(row.id), masterKeys, random) };
}

/** How many secrets are under which master key. */
export function reportOn(rows: readonly Pick<ProviderKey, 'sealed'>[], masterKeys: MasterKeys): SecretsReport {
  const ids = new Set([...masterKeys.byId.keys(), ...rows.map(({ sealed }) => sealed.masterKeyId)]);
  return {
    masterKeys: [...ids].map((id) => ({
      id,
      state: stateOf(id, masterKeys),
      secrets: rows.filter(({ sealed }) => sealed.masterKeyId === id).length,
    })),
  };
}

function stateOf(id: string, { currentId, byId }: MasterKeys): 'current' | 'known' | 'missing' {
  if (id === currentId) return 'current';
  return byId.has(id) ? 'known' : 'missing';
}

function ownerOf(rowId: string): SecretOwner {
  return { purpose: 'provider-key', rowId };
}
