import { api, dataOf } from './client.ts';

/** Who is logged in. */
export const readSession = () => dataOf(api.GET('/api/v2/session'));

/** Trades a login code for a session. */
export const login = (code: string) => dataOf(api.POST('/api/v2/session', { body: { code } }));

/** Trades a name and its password for a session. */
export const loginByPassword = (body: { name: string; password: string }) =>
  dataOf(api.POST('/api/v2/session/password', { body }));

/** How one can log in here. */
export const readWays = () => dataOf(api.GET('/api/v2/session/ways'));

/** Begins a login at the OIDC provider: where it is. */
export const startOidc = () => dataOf(api.POST('/api/v2/session/oidc'));

/** Ends a login at the OIDC provider with the query that it sent back. */
export const finishOidc = (query: string) => dataOf(api.POST('/api/v2/session/oidc/callback', { body: { query } }));

/** A code that logs oneself in on another device. */
export const createCode = () =>
  dataOf(api.POST('/api/v2/session/codes', { body: { ttlSeconds: 60, maxUses: 1, length: 40 } }));

/** Ends the session. */
export const logout = () => dataOf(api.DELETE('/api/v2/session'));
