import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Client } from './client.ts';
import { Failure } from './failure.ts';

/** What stands before the 32 bytes of a seed in PKCS #8 (RFC 8410). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Keeps a signature for a login from being one for anything else. */
const PURPOSE = Buffer.from('gateway-auth:');

const challengeShape = z.object({ challengeId: z.string(), nonce: z.string() });
const sessionShape = z.object({ token: z.string(), expiresAt: z.string() });

/**
 * Logs in with a private key: base64 of the 32-byte seed of an Ed25519 key. What is signed is `gateway-auth:` and the
 * bytes of the nonce, which comes in base64.
 * @throws Failure when the file holds no key, or the config center refuses
 */
export async function logIn(client: Client, keyFile: string): Promise<{ token: string; expiresAt: string }> {
  const text = await readFile(keyFile, 'utf8').catch(() => {
    throw new Failure(`The key file ${keyFile} cannot be read.`);
  });
  const seed = Buffer.from(text.trim(), 'base64');
  if (seed.length !== 32) throw new Failure(`${keyFile} holds no private key: base64 of 32 bytes is expected.`);
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32);
  const fingerprint = createHash('sha256').update(publicKey).digest('hex');
  const challenge = await client.call('POST', '/session/challenge', { body: { fingerprint } });
  const { challengeId, nonce } = expected(challengeShape, challenge);
  const signature = sign(null, Buffer.concat([PURPOSE, Buffer.from(nonce, 'base64')]), key).toString('base64');
  const verified = await client.call('POST', '/session/verify', { body: { challengeId, fingerprint, signature } });
  return expected(sessionShape, verified);
}

function expected<T>(shape: z.ZodType<T>, answer: unknown): T {
  const { data, success } = shape.safeParse(answer);
  if (success && data !== undefined) return data;
  throw new Failure('The config center does not speak this way of logging in; it may be older than gatewayctl.');
}
