import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Logger } from 'pino';
import type { Store } from '../db/store.ts';
import { addKey, listKeys } from './administrator-keys.ts';
import { BUILT_IN, findAdministrator } from './administrators.ts';

/** What comes before the 32 bytes of an Ed25519 private key in its DER form (RFC 8410). */
const DER_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/**
 * Makes the first key pair when no administrator has a key: the public key is the built-in administrator's, the private
 * key (its 32 bytes, base64) goes to a file that only its owner reads. A file that is there is used and never overwritten.
 * A folder that cannot be written to is logged, and there is no key.
 */
export async function ensureFirstKey(store: Store, path: string, at: string, log: Logger): Promise<void> {
  if ((await listKeys(store.connection)).length > 0) return;
  try {
    const fingerprint = await store.transaction(async (_, connection) => {
      const isTaken = (await listKeys(connection)).length > 0;
      if (isTaken || (await findAdministrator(connection, 'id', BUILT_IN)) === undefined) return undefined;
      const publicKey = publicKeyOf(readOrMake(path));
      const draft = { administratorId: BUILT_IN, publicKey, comment: 'made at the first start', isEnabled: true };
      return (await addKey(connection, draft, { actor: 'seed', at })).fingerprint;
    });
    if (fingerprint !== undefined)
      log.warn({ path, fingerprint }, 'the key of the first administrator is in this file');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.warn({ path, reason }, 'no administrator key was made; ADMIN_KEY_FILE names a file that can be written');
  }
}

/** @throws Error when the file holds no key, or cannot be read or made */
function readOrMake(path: string): KeyObject {
  const { privateKey } = generateKeyPairSync('ed25519');
  const seed = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(DER_PREFIX.length);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    writeFileSync(path, `${seed.toString('base64')}\n`, { mode: 0o600, flag: 'wx' });
    return privateKey;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const kept = Buffer.from(readFileSync(path, 'utf8').trim(), 'base64');
  if (kept.length !== 32) throw new Error('the file is there, but holds no private key');
  return createPrivateKey({ key: Buffer.concat([DER_PREFIX, kept]), format: 'der', type: 'pkcs8' });
}

function publicKeyOf(privateKey: KeyObject): string {
  return createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64');
}
