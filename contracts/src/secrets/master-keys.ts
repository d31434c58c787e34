import { createSecretKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { masterKeyId } from '../provider-key.ts';

/** Bytes of a master key and of a data key: AES-256. */
export const KEY_BYTES = 32;

/** Keys that encrypt the data keys of secrets. The first of `SECRETS_KEYS` is for new ones, every one opens. */
export interface MasterKeys {
  /** Undefined when there is none, so that no secret can be stored. */
  readonly currentId: string | undefined;
  readonly byId: ReadonlyMap<string, KeyObject>;
}

/** `SECRETS_KEYS`: `id:base64` of 32 bytes each, the current one first, with commas between them. */
export const secretsKeysSetting = z.string().default('').transform(masterKeysOf);

function masterKeysOf(text: string, context: z.RefinementCtx): MasterKeys {
  const byId = new Map<string, KeyObject>();
  const entries = text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  // Told by their place: what is wrong may be a part of a key.
  for (const [index, entry] of entries.entries()) {
    const [id = '', encoded = ''] = entry.split(':', 2);
    const fault = faultOf(id, encoded) ?? (byId.has(id) ? 'its id is there twice' : undefined);
    if (fault === undefined) byId.set(id, createSecretKey(Buffer.from(encoded, 'base64')));
    else context.addIssue({ code: 'custom', message: `entry ${index + 1}: ${fault}` });
  }
  return { currentId: byId.keys().next().value, byId };
}

function faultOf(id: string, encoded: string): string | undefined {
  if (!masterKeyId.safeParse(id).success) return 'an id, a colon and base64 are expected';
  const bytes = Buffer.from(encoded, 'base64');
  const isBase64 = bytes.toString('base64').replace(/=+$/, '') === encoded.replace(/=+$/, '');
  if (isBase64 && bytes.length === KEY_BYTES) return undefined;
  return 'base64 of 32 bytes is expected; make one with: openssl rand -base64 32';
}
