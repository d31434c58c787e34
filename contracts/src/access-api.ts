import { z } from 'zod';
import { type AdminRoute, EVERYONE, SUPERADMINS } from './admin-route.ts';
import {
  administratorDraft,
  administratorKeyDraft,
  administratorKeyReplacement,
  administratorKeyRow,
  administratorReplacement,
  administratorRole,
  administratorRow,
  keyFingerprint,
  sessionRow,
} from './administrator.ts';

/** Who is logged in. */
export const sessionInfo = z.object({
  administrator: z.string(),
  role: administratorRole,
  tenantId: z.string().optional(),
  expiresAt: z.iso.datetime(),
});

const nothing = z.object({});
const ofAdministrator = z.object({ administratorId: z.string().optional() });

/** Logging in and out: by code, password, OIDC or private key. */
export const sessionRoutes = {
  login: {
    method: 'post',
    path: '/session',
    tag: 'session',
    summary: 'Redeem a login code for a session cookie',
    body: z.object({ code: z.string().min(1).max(200) }).strict(),
    response: sessionInfo,
    access: 'public',
  },
  current: {
    method: 'get',
    path: '/session',
    tag: 'session',
    summary: 'Who is logged in',
    response: sessionInfo,
    access: EVERYONE,
  },
  logout: {
    method: 'delete',
    path: '/session',
    tag: 'session',
    summary: 'End the session',
    response: nothing,
    access: EVERYONE,
  },
  ways: {
    method: 'get',
    path: '/session/ways',
    tag: 'session',
    summary: 'How one can log in here',
    response: z.object({ code: z.boolean(), key: z.boolean(), password: z.boolean(), oidc: z.boolean() }),
    access: 'public',
  },
  password: {
    method: 'post',
    path: '/session/password',
    tag: 'session',
    summary: 'Log in with name and password for a session cookie',
    body: z.object({ name: z.string().min(1).max(100), password: z.string().min(1).max(200) }).strict(),
    response: sessionInfo,
    access: 'public',
  },
  challenge: {
    method: 'post',
    path: '/session/challenge',
    tag: 'session',
    summary: 'A challenge for a private key; also for unknown keys, which cannot meet it',
    body: z.object({ fingerprint: keyFingerprint }).strict(),
    response: z.object({
      challengeId: z.string(),
      /** 32 bytes, base64. */
      nonce: z.string(),
      expiresAt: z.iso.datetime(),
      alg: z.literal('ed25519'),
    }),
    access: 'public',
  },
  verify: {
    method: 'post',
    path: '/session/verify',
    tag: 'session',
    summary: 'Trade the signature over `gateway-auth:` and the bytes of the nonce for a bearer token; one try',
    body: z
      .object({
        challengeId: z.string().min(1).max(100),
        fingerprint: keyFingerprint,
        /** 64 bytes, base64. */
        signature: z.string().min(1).max(200),
      })
      .strict(),
    response: z.object({ token: z.string(), expiresAt: z.iso.datetime(), fingerprint: keyFingerprint }),
    access: 'public',
  },
  startOidc: {
    method: 'post',
    path: '/session/oidc',
    tag: 'session',
    summary: 'Begin a login at the OIDC provider: where to send the browser',
    response: z.object({ url: z.url() }),
    access: 'public',
  },
  finishOidc: {
    method: 'post',
    path: '/session/oidc/callback',
    tag: 'session',
    summary: 'End a login at the OIDC provider: its answer for a session cookie',
    body: z.object({ query: z.string().max(8_000).describe('What the provider has put after `?`.') }).strict(),
    response: sessionInfo,
    access: 'public',
  },
  createCode: {
    method: 'post',
    path: '/session/codes',
    tag: 'session',
    summary: 'Make a code that logs the caller in elsewhere; earlier ones of this session end',
    body: z
      .object({
        ttlSeconds: z.number().int().min(1).max(86_400).optional().describe('As the settings say, unless given'),
        maxUses: z.number().int().min(1).max(1000).default(1),
        length: z.number().int().min(25).max(64).default(40),
      })
      .strict(),
    response: z.object({
      code: z.string(),
      url: z.url(),
      expiresAt: z.iso.datetime(),
      maxUses: z.number().int(),
    }),
    status: 201,
    access: EVERYONE,
  },
} as const satisfies Record<string, AdminRoute>;

/** Logins that are in force. */
export const sessionsRoutes = {
  list: {
    method: 'get',
    path: '/sessions',
    tag: 'sessions',
    summary: "The caller's sessions; all of them for a superadmin",
    query: ofAdministrator,
    response: z.object({ items: z.array(sessionRow) }),
    access: EVERYONE,
  },
  remove: {
    method: 'delete',
    path: '/sessions/:id',
    tag: 'sessions',
    summary: 'End a session, of oneself or, for a superadmin, of anybody',
    response: nothing,
    access: EVERYONE,
  },
} as const satisfies Record<string, AdminRoute>;

/** Who may log in. */
export const administratorRoutes = {
  list: {
    method: 'get',
    path: '/administrators',
    tag: 'administrators',
    summary: 'List administrators',
    response: z.object({ items: z.array(administratorRow) }),
    access: SUPERADMINS,
  },
  create: {
    method: 'post',
    path: '/administrators',
    tag: 'administrators',
    summary: 'Create an administrator',
    body: administratorDraft,
    response: administratorRow,
    status: 201,
    access: SUPERADMINS,
  },
  read: {
    method: 'get',
    path: '/administrators/:id',
    tag: 'administrators',
    summary: 'Read an administrator',
    response: administratorRow,
    access: SUPERADMINS,
  },
  update: {
    method: 'put',
    path: '/administrators/:id',
    tag: 'administrators',
    summary: 'Replace an administrator; at least one enabled superadmin stays',
    body: administratorReplacement,
    response: administratorRow,
    access: SUPERADMINS,
  },
  remove: {
    method: 'delete',
    path: '/administrators/:id',
    tag: 'administrators',
    summary: 'Delete an administrator with keys and sessions; at least one enabled superadmin stays',
    response: nothing,
    access: SUPERADMINS,
  },
  endSessions: {
    method: 'delete',
    path: '/administrators/:id/sessions',
    tag: 'administrators',
    summary: 'End all sessions of an administrator',
    response: z.object({ ended: z.number().int() }),
    access: SUPERADMINS,
  },
} as const satisfies Record<string, AdminRoute>;

/** Public keys that log administrators in. */
export const administratorKeyRoutes = {
  list: {
    method: 'get',
    path: '/administrator-keys',
    tag: 'administrator-keys',
    summary: 'List public keys of administrators',
    query: ofAdministrator,
    response: z.object({ items: z.array(administratorKeyRow) }),
    access: SUPERADMINS,
  },
  create: {
    method: 'post',
    path: '/administrator-keys',
    tag: 'administrator-keys',
    summary: 'Add an Ed25519 public key',
    body: administratorKeyDraft,
    response: administratorKeyRow,
    status: 201,
    access: SUPERADMINS,
  },
  update: {
    method: 'put',
    path: '/administrator-keys/:fingerprint',
    tag: 'administrator-keys',
    summary: 'Enable, disable or describe a key; a disabled one loses its sessions',
    body: administratorKeyReplacement,
    response: administratorKeyRow,
    access: SUPERADMINS,
  },
  remove: {
    method: 'delete',
    path: '/administrator-keys/:fingerprint',
    tag: 'administrator-keys',
    summary: 'Delete a key with its sessions; the last one of superadmins stays',
    response: nothing,
    access: SUPERADMINS,
  },
} as const satisfies Record<string, AdminRoute>;
