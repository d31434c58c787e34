import { api, dataOf } from './client.ts';

/** Who is logged in. */
export const readSession = () => dataOf(api.GET('/api/v2/session'));

/** Trades a one-time code for a session. */
export const login = (code: string) => dataOf(api.POST('/api/v2/session', { body: { code } }));

/** Ends the session. */
export const logout = () => dataOf(api.DELETE('/api/v2/session'));
