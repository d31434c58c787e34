import type { Provider, ProviderKey, UnusableKey } from '@ai-gateway/contracts';

/** A secret that can be sent to its provider. */
export interface UsableKey {
  /** Id of the provider key, or `env:` and the name of the variable. */
  readonly id: string;
  /** The only upstream that it is for; undefined: all of the provider. */
  readonly upstreamId: string | undefined;
  readonly priority: number;
  readonly weight: number;
  /** The secret; a function, so that no dump of the rules shows it. */
  readonly reveal: () => string;
}

/** Where secrets come from. */
export interface SecretSource {
  /** @throws Error that says why it does not open, without any part of it */
  open(key: ProviderKey): string;
  environment(name: string): string | undefined;
}

/** Opens nothing. */
export const NO_SECRETS: SecretSource = {
  open() {
    throw new Error('this gateway has no master keys');
  },
  environment: () => undefined,
};

/** The keys of a provider, as far as this gateway can use them. */
export interface ProviderKeys {
  readonly keys: readonly UsableKey[];
  readonly unusableKeys: readonly UnusableKey[];
  /** The rules name a key, so requests are not sent without one. */
  readonly isKeyNeeded: boolean;
}

/** What the environment's key counts as: like a provider key that has just been made. */
const ENVIRONMENT_RANK = { priority: 100, weight: 1 };

/** Opens the enabled keys of a provider and its key in the environment; one that does not open spares the others. */
export function openKeys(provider: Provider, rows: readonly ProviderKey[], source: SecretSource): ProviderKeys {
  const results = rows.filter(({ isEnabled }) => isEnabled).map((row) => openRow(provider, row, source));
  if (provider.apiKeyEnv !== undefined) results.push(fromEnvironment(provider, provider.apiKeyEnv, source));
  return {
    keys: results.filter((result) => 'reveal' in result),
    unusableKeys: results.filter((result) => 'reason' in result),
    isKeyNeeded: provider.apiKeyEnv !== undefined || rows.length > 0,
  };
}

function openRow({ name }: Provider, row: ProviderKey, source: SecretSource): UsableKey | UnusableKey {
  try {
    const secret = source.open(row);
    const { id, upstreamId, priority, weight } = row;
    return { id, upstreamId, priority, weight, reveal: () => secret };
  } catch (error) {
    return { keyId: row.id, provider: name, reason: error instanceof Error ? error.message : String(error) };
  }
}

function fromEnvironment({ name }: Provider, variable: string, source: SecretSource): UsableKey | UnusableKey {
  const keyId = `env:${variable}`;
  const secret = source.environment(variable);
  if (secret === undefined) return { keyId, provider: name, reason: `environment variable ${variable} is not set` };
  return { id: keyId, upstreamId: undefined, ...ENVIRONMENT_RANK, reveal: () => secret };
}
