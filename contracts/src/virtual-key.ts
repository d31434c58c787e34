import { z } from 'zod';
import { modelGlob } from './namespace.ts';

/** Credential of a client. The secret is shown once; only its HMAC-SHA-256 (hex, keyed by `KEY_PEPPER`) is kept. */
export const virtualKeyShape = z.object({
  id: z.string(),
  name: z.string().min(1).max(100),
  /** First characters of the secret, for people to recognise it. */
  prefix: z.string(),
  secretHash: z.string().regex(/^[0-9a-f]{64}$/),
  /** Namespaces it opens; empty means all. */
  namespaceIds: z.array(z.string()).max(1000).default([]),
  /** Models it may use, also as `provider/model`; empty means all that the namespace lets through. */
  allowedModels: z.array(modelGlob).max(1000).default([]),
  /** Whose it is; the user's tenant pays, else the user. */
  userId: z.string().optional(),
  /** Who pays for what it does, unless a user says it. */
  tenantId: z.string().optional(),
  /** Class of a payer without a tenant; a tenant's own class goes first. */
  customerTypeId: z.string().optional(),
  isEnabled: z.boolean().default(true),
  /** Why it was last switched on or off, or rotated. */
  statusReason: z.string().max(500).optional(),
  /** RFC 3339 instant after which it is refused. */
  expiresAt: z.iso.datetime().optional(),
  /** The secret before the last rotation, which works until `previousUntil`. */
  previousSecretHash: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  previousUntil: z.iso.datetime().optional(),
});

export type VirtualKey = z.infer<typeof virtualKeyShape>;
