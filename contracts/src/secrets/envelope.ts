import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';
import type { SealedSecret } from '../provider-key.ts';
import { KEY_BYTES, type MasterKeys } from './master-keys.ts';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What a secret belongs to. It is part of what is authenticated, so that a secret moved to another row does not open. */
export interface SecretOwner {
  readonly purpose: 'provider-key';
  readonly rowId: string;
}

/** Draws so many bytes that nobody can foresee. */
export type RandomBytes = (count: number) => Uint8Array;

/** A master key that is not known here, or a secret that does not open with it. The message names no secret. */
export class SecretUnreadable extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'SecretUnreadable';
  }
}

/**
 * Envelope encryption: AES-256-GCM (NIST SP 800-38D) with a data key of its own, which the current master key encrypts
 * likewise.
 * @throws Error when there is no master key
 */
export function sealSecret(
  secret: string,
  owner: SecretOwner,
  masterKeys: MasterKeys,
  random: RandomBytes,
): SealedSecret {
  const dataKey = random(KEY_BYTES);
  const ciphertext = encrypt(Buffer.from(secret), dataKey, contextOf(owner, 'secret'), random(NONCE_BYTES));
  return { ...wrapped(dataKey, owner, masterKeys, random), ciphertext };
}

/** @throws SecretUnreadable */
export function openSecret(sealed: SealedSecret, owner: SecretOwner, masterKeys: MasterKeys): string {
  const dataKey = dataKeyOf(sealed, owner, masterKeys);
  return opened(() => decrypt(sealed.ciphertext, dataKey, contextOf(owner, 'secret')), sealed).toString();
}

/**
 * The same secret under the current master key: only its data key is encrypted anew.
 * @throws SecretUnreadable
 */
export function rewrapSecret(
  sealed: SealedSecret,
  owner: SecretOwner,
  masterKeys: MasterKeys,
  random: RandomBytes,
): SealedSecret {
  const dataKey = dataKeyOf(sealed, owner, masterKeys);
  return { ...sealed, ...wrapped(dataKey, owner, masterKeys, random) };
}

function wrapped(
  dataKey: Uint8Array,
  owner: SecretOwner,
  { currentId, byId }: MasterKeys,
  random: RandomBytes,
): Pick<SealedSecret, 'masterKeyId' | 'dataKey'> {
  const masterKey = currentId === undefined ? undefined : byId.get(currentId);
  if (currentId === undefined || masterKey === undefined) throw new Error('SECRETS_KEYS has no master key.');
  const encrypted = encrypt(dataKey, masterKey, contextOf(owner, 'data-key'), random(NONCE_BYTES));
  return { masterKeyId: currentId, dataKey: encrypted };
}

function dataKeyOf(sealed: SealedSecret, owner: SecretOwner, { byId }: MasterKeys): Buffer {
  const masterKey = byId.get(sealed.masterKeyId);
  if (masterKey === undefined) {
    throw new SecretUnreadable(`the master key "${sealed.masterKeyId}" is not among SECRETS_KEYS`);
  }
  return opened(() => decrypt(sealed.dataKey, masterKey, contextOf(owner, 'data-key')), sealed);
}

function opened(open: () => Buffer, { masterKeyId }: SealedSecret): Buffer {
  try {
    return open();
  } catch {
    throw new SecretUnreadable(
      `it does not open with the master key "${masterKeyId}": that is another key here, or the row was altered`,
    );
  }
}

function contextOf({ purpose, rowId }: SecretOwner, part: 'secret' | 'data-key'): Buffer {
  return Buffer.from(JSON.stringify([purpose, rowId, part]));
}

function encrypt(plain: Uint8Array, key: KeyObject | Uint8Array, context: Uint8Array, nonce: Uint8Array): string {
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES }).setAAD(context);
  const encrypted = cipher.update(plain);
  return Buffer.concat([nonce, encrypted, cipher.final(), cipher.getAuthTag()]).toString('base64');
}

function decrypt(encoded: string, key: KeyObject | Uint8Array, context: Uint8Array): Buffer {
  const bytes = Buffer.from(encoded, 'base64');
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
    .setAAD(context)
    .setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
  return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, bytes.length - TAG_BYTES)), decipher.final()]);
}
