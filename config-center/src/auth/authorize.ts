import type { Access } from '@ai-gateway/contracts';
import type { Request, RequestHandler, Response } from 'express';
import { Refusal } from '../domain/faults.ts';
import { cookieIn, SESSION_COOKIE } from './cookies.ts';
import { isSameSecret } from './secrets.ts';
import type { Session, Sessions } from './sessions.ts';

export interface AuthorizeOptions {
  readonly sessions: Sessions;
  readonly adminToken: string | undefined;
  readonly publicUrl: string;
}

const AUTOMATION: Session = {
  administrator: 'automation',
  role: 'superadmin',
  expiresAtMs: Number.MAX_SAFE_INTEGER,
};

/** Who calls: a session by cookie or bearer token, or the automation token. */
export function authorizer({ sessions, adminToken, publicUrl }: AuthorizeOptions): RequestHandler {
  return async (request, response, next) => {
    response.locals.session = await sessionOf(request);
    next();
  };

  async function sessionOf(request: Request): Promise<Session> {
    const token = bearerIn(request);
    if (token !== undefined) return sessionOfToken(token);
    const secret = cookieIn(request, SESSION_COOKIE);
    const session = secret === undefined ? undefined : await sessions.find(secret);
    if (session === undefined) throw new Refusal(401, 'Please log in.');
    if (request.method !== 'GET' && !isFromOurPage(request, publicUrl)) {
      throw new Refusal(403, 'A change by cookie must come from the dashboard.');
    }
    return session;
  }

  async function sessionOfToken(token: string): Promise<Session> {
    if (adminToken !== undefined && isSameSecret(token, adminToken)) return AUTOMATION;
    const session = await sessions.find(token);
    if (session === undefined) throw new Refusal(401, 'The token is not valid.');
    return session;
  }
}

/** The one place where the control plane decides whether a caller may use a route. */
export function permit(access: Access): RequestHandler {
  return (_request, response, next) => {
    if (access !== 'public' && !access.includes(sessionFor(response).role)) {
      throw new Refusal(403, 'Your role may not do this.');
    }
    next();
  };
}

/** Who was let in by the authorizer. */
export function sessionFor({ locals }: Response): Session {
  const session = locals.session as Session | undefined;
  if (session === undefined) throw new Refusal(401, 'Please log in.');
  return session;
}

/** The secret of an `Authorization: Bearer` header. */
export function bearerIn(request: Request): string | undefined {
  const [, token] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
  return token;
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
