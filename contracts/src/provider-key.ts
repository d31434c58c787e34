import { z } from 'zod';
import { priority } from './namespace.ts';

/** Name of a master key, as `SECRETS_KEYS` gives it. */
export const masterKeyId = z.string().regex(/^[A-Za-z0-9_-]{1,40}$/, 'letters, digits, "_" and "-", 1 to 40');

/** A secret that only who has the master key can read; `secrets/envelope.ts` says how. Bytes are base64. */
export const sealedSecret = z.object({
  masterKeyId,
  /** The data key of this secret alone, encrypted with the master key: nonce, ciphertext and tag. */
  dataKey: z.string().regex(/^[A-Za-z0-9+/]{80}$/, 'base64 of 60 bytes'),
  /** The secret, encrypted with the data key: nonce, ciphertext and tag. */
  ciphertext: z
    .string()
    .regex(/^[A-Za-z0-9+/]+={0,2}$/, 'base64')
    .max(8_000),
});

/** A secret of a provider as it is given to us; only what fits into an HTTP header. */
export const providerSecret = z
  .string()
  .trim()
  .regex(/^[\x21-\x7e]{1,4096}$/, '1 to 4096 visible ASCII characters without spaces');

/** One secret of a provider. Requests take the enabled keys of smallest priority, in proportion to their weights. */
export const providerKeyShape = z.object({
  id: z.string(),
  providerId: z.string(),
  /** The only upstream that it is for; absent: all of the provider. */
  upstreamId: z.string().optional(),
  name: z.string().min(1).max(100),
  weight: z.number().int().min(1).max(1000).default(1),
  priority,
  isEnabled: z.boolean().default(true),
  /** Last characters of the secret, for people to recognise it; empty when the secret is short. */
  lastFour: z.string().max(4),
  sealed: sealedSecret,
});

export type SealedSecret = z.infer<typeof sealedSecret>;
export type ProviderKey = z.infer<typeof providerKeyShape>;
