import { z } from 'zod';

/**
 * `superadmin` does everything, `operator` changes rules, `viewer` reads, `tenant_admin` sees and changes what belongs to
 * its tenant.
 */
export const administratorRole = z.enum(['superadmin', 'operator', 'viewer', 'tenant_admin']);

/** Actors of the audit log that are no administrators; nobody may bear their names. */
const ACTORS = ['automation', 'oidc', 'seed', 'sql'];

const fields = {
  /** Also the name to log in with, and the actor in the audit log. */
  name: z
    .string()
    .min(1)
    .max(100)
    .regex(/^\S(.*\S)?$/, 'no space at the ends')
    .refine((name) => !ACTORS.includes(name), 'the audit log uses this name for something else'),
  role: administratorRole,
  /** Of a `tenant_admin`, and of nobody else. */
  tenantId: z.string().max(40).optional(),
  isEnabled: z.boolean().default(true),
  /** Logs in who proves this address to the OIDC provider. */
  email: z.email().max(200).optional(),
  /** Logs in who the OIDC provider calls so (`sub`). */
  oidcSubject: z.string().min(1).max(255).optional(),
};

/** A person or program that works with the control plane. Secrets are never shown. */
export const administratorRow = z.object({
  ...fields,
  id: z.string(),
  hasPassword: z.boolean(),
  /** `oidc`: made at a login by the provider's claim, which decides the role at each login. */
  source: z.enum(['local', 'oidc']),
  version: z.number().int(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
});

const password = z.string().min(12, 'at least 12 characters').max(200);

export const administratorDraft = z.object({ ...fields, password: password.optional() }).strict();

/** A replacement; without `password` the old one stays, with null it goes. */
export const administratorReplacement = z
  .object({ ...fields, password: password.nullable().optional(), version: z.number().int().min(1).optional() })
  .strict();

/** SHA-256 of the 32 bytes of a public key, hex. */
export const keyFingerprint = z.string().regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits');

const keyFields = { comment: z.string().max(200).default(''), isEnabled: z.boolean().default(true) };

/** An Ed25519 public key that logs an administrator in. */
export const administratorKeyRow = z.object({
  ...keyFields,
  fingerprint: keyFingerprint,
  administratorId: z.string(),
  /** The 32 bytes of the key, base64. */
  publicKey: z.string(),
  createdAt: z.iso.datetime(),
});

export const administratorKeyDraft = z
  .object({
    ...keyFields,
    administratorId: z.string(),
    publicKey: z.string().regex(/^[A-Za-z0-9+/]{43}=$/, 'the 32 bytes of an Ed25519 public key, base64'),
  })
  .strict();

export const administratorKeyReplacement = z.object(keyFields).strict();

/** One login that is in force. Its id is no secret and opens nothing. */
export const sessionRow = z.object({
  id: z.string(),
  administratorId: z.string(),
  administrator: z.string(),
  /** How it began. */
  method: z.enum(['code', 'password', 'oidc', 'key']),
  /** Of the key that began it. */
  fingerprint: keyFingerprint.optional(),
  address: z.string(),
  createdAt: z.iso.datetime(),
  lastSeenAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
  isCurrent: z.boolean(),
});

export type AdministratorRole = z.infer<typeof administratorRole>;
export type AdministratorRow = z.infer<typeof administratorRow>;
export type AdministratorDraft = z.infer<typeof administratorDraft>;
export type AdministratorReplacement = z.infer<typeof administratorReplacement>;
export type AdministratorKeyRow = z.infer<typeof administratorKeyRow>;
export type AdministratorKeyDraft = z.infer<typeof administratorKeyDraft>;
export type SessionRow = z.infer<typeof sessionRow>;
