import { ADMIN_API } from '@ai-gateway/contracts';
import type { Express, Request, RequestHandler, Response } from 'express';
import { cookieIn, SESSION_COOKIE, sessionFor } from '../auth/authorize.ts';
import type { Lockout } from '../auth/lockout.ts';
import type { Session, Sessions } from '../auth/sessions.ts';
import { Refusal } from '../domain/faults.ts';
import { handle } from './handle.ts';

export interface SessionOptions {
  readonly sessions: Sessions;
  readonly lockout: Lockout;
  readonly authorize: RequestHandler;
}

/** Login by one-time code, who is logged in, logout. */
export function sessionRoutes(app: Express, { sessions, lockout, authorize }: SessionOptions): void {
  handle(app, ADMIN_API.session.login, authorize, async ({ body, request, response }) => {
    const address = request.ip ?? '';
    if (lockout.isLocked(address)) throw new Refusal(429, 'Too many failed logins. Please wait fifteen minutes.');
    const redeemed = await sessions.redeem(body.code);
    if (redeemed === undefined) {
      lockout.failed(address);
      throw new Refusal(401, 'The login code is not valid, has been used or has run out.');
    }
    setCookie(request, response, redeemed.secret, redeemed.session.expiresAtMs - Date.now());
    return shown(redeemed.session);
  });
  handle(app, ADMIN_API.session.current, authorize, ({ response }) => shown(sessionFor(response)));
  handle(app, ADMIN_API.session.logout, authorize, async ({ request, response }) => {
    const secret = cookieIn(request);
    if (secret !== undefined) await sessions.end(secret);
    setCookie(request, response, '', 0);
    return {};
  });
}

function setCookie(request: Request, response: Response, value: string, maxAge: number): void {
  const { secure } = request;
  response.cookie(SESSION_COOKIE, value, { httpOnly: true, sameSite: 'lax', path: '/', secure, maxAge });
}

function shown({ administrator, expiresAtMs }: Session) {
  const latest = Math.min(expiresAtMs, 8.64e15);
  return { administrator, expiresAt: new Date(latest).toISOString() };
}
