import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import { Refusal } from '../domain/faults.ts';
import type { Session, Sessions } from './sessions.ts';

/** Name of the session cookie. */
export const SESSION_COOKIE = 'gw_session';

export interface AuthorizeOptions {
  readonly sessions: Sessions;
  readonly adminToken: string | undefined;
  readonly publicUrl: string;
}

const AUTOMATION: Session = { administrator: 'automation', expiresAtMs: Number.MAX_SAFE_INTEGER };

/** The one place where the control plane decides who may call: a session cookie or the automation token. */
export function authorizer({ sessions, adminToken, publicUrl }: AuthorizeOptions): RequestHandler {
  return async (request, response, next) => {
    response.locals.session = await sessionOf(request);
    next();
  };

  async function sessionOf(request: Request): Promise<Session> {
    const token = bearerIn(request);
    if (token !== undefined) {
      if (adminToken !== undefined && isSameSecret(token, adminToken)) return AUTOMATION;
      throw new Refusal(401, 'The token is not valid.');
    }
    const secret = cookieIn(request);
    const session = secret === undefined ? undefined : await sessions.find(secret);
    if (session === undefined) throw new Refusal(401, 'Please log in.');
    if (request.method !== 'GET' && !isFromOurPage(request, publicUrl)) {
      throw new Refusal(403, 'A change by cookie must come from the dashboard.');
    }
    return session;
  }
}

/** Who was let in by the authorizer. */
export function sessionFor({ locals }: Response): Session {
  const session = locals.session as Session | undefined;
  if (session === undefined) throw new Refusal(401, 'Please log in.');
  return session;
}

/** Equal in constant time, whatever the lengths. */
export function isSameSecret(left: string, right: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}

/** The secret of an `Authorization: Bearer` header. */
export function bearerIn(request: Request): string | undefined {
  const [, token] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
  return token;
}

/** The secret of the session cookie. */
export function cookieIn(request: Request): string | undefined {
  const [, secret] =
    new RegExp(`(?:^|;\\s*)${SESSION_COOKIE}=([A-Za-z0-9_-]+)`).exec(request.headers.cookie ?? '') ?? [];
  return secret;
}

/**
 * A page of another site can send neither this header nor JSON without being asked first (CORS), and browsers name
 * the origin of every change.
 */
function isFromOurPage(request: Request, publicUrl: string): boolean {
  const { origin, host } = request.headers;
  const isOurOrigin =
    origin === undefined ||
    origin === new URL(publicUrl).origin ||
    (URL.canParse(origin) && new URL(origin).host === host);
  return isOurOrigin && request.headers['x-requested-with'] === 'gateway-dashboard';
}
