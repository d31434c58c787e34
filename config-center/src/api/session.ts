import { ADMIN_API } from '@ai-gateway/contracts';
import type { Express, Request, RequestHandler, Response } from 'express';
import type { Access } from '../auth/access.ts';
import { findAdministrator } from '../auth/administrators.ts';
import { admitOidc } from '../auth/admit-oidc.ts';
import { bearerIn, sessionFor } from '../auth/authorize.ts';
import { cookieIn, OIDC_COOKIE, SESSION_COOKIE, setCookie } from '../auth/cookies.ts';
import { isPasswordOf } from '../auth/passwords.ts';
import type { Session } from '../auth/sessions.ts';
import type { LiveSettings } from '../db/operator-settings.ts';
import type { Store } from '../db/store.ts';
import { Refusal } from '../domain/faults.ts';
import { handle } from './handle.ts';

export interface SessionOptions {
  readonly store: Store;
  readonly access: Access;
  readonly liveSettings: LiveSettings;
  readonly authorize: RequestHandler;
  readonly publicUrl: string;
  readonly nowMs: () => number;
}

/** Logging in and out, and who is logged in. */
export function sessionRoutes(app: Express, options: SessionOptions): void {
  const { access, liveSettings, authorize, publicUrl } = options;
  handle(app, ADMIN_API.session.current, authorize, ({ response }) => shown(sessionFor(response)));
  handle(app, ADMIN_API.session.logout, authorize, async ({ request, response }) => {
    const { id } = sessionFor(response);
    if (id !== undefined) await access.sessions.end({ id });
    if (bearerIn(request) === undefined) setCookie(request, response, SESSION_COOKIE, { value: '', ageMs: 0 });
    return {};
  });
  handle(app, ADMIN_API.session.ways, authorize, () => ({
    code: true,
    key: true,
    password: access.hasPasswordLogin,
    oidc: access.oidc !== undefined,
  }));
  handle(app, ADMIN_API.session.createCode, authorize, async ({ body, response }) => {
    const { id, administratorId } = sessionFor(response);
    if (id === undefined || administratorId === undefined)
      throw new Refusal(403, 'The automation token is nobody who could log in elsewhere.');
    const { ttlSeconds = liveSettings.current().loginCodeSeconds, maxUses, length } = body;
    const { code, expiresAtMs } = await access.codes.make({ id, administratorId }, { ttlSeconds, maxUses, length });
    return {
      code,
      url: `${publicUrl.replace(/\/$/, '')}/login?code=${code}`,
      expiresAt: new Date(expiresAtMs).toISOString(),
      maxUses,
    };
  });
  codeRoute(app, options);
  passwordRoute(app, options);
  keyRoutes(app, options);
  oidcRoutes(app, options);
}

function codeRoute(app: Express, { access, authorize, nowMs }: SessionOptions): void {
  handle(app, ADMIN_API.session.login, authorize, async ({ body, request, response }) => {
    const address = request.ip ?? '';
    refuseLocked(access, [address]);
    const administratorId = await access.codes.redeem(body.code);
    if (administratorId === undefined) {
      access.lockout.failed(address);
      throw new Refusal(401, 'The login code is not valid, has been used or has run out.');
    }
    return inBrowser(request, response, await access.logIn({ administratorId, method: 'code', address }), nowMs());
  });
}

/** The answer and its time are the same whether there is such an administrator or not. */
function passwordRoute(app: Express, { store, access, authorize, nowMs }: SessionOptions): void {
  handle(app, ADMIN_API.session.password, authorize, async ({ body, request, response }) => {
    if (!access.hasPasswordLogin) throw new Refusal(403, 'Login by password is off; PASSWORD_LOGIN=true turns it on.');
    const address = request.ip ?? '';
    const guessed = [address, `name ${body.name}`];
    refuseLocked(access, guessed);
    // Counted before the slow part, so that many guesses at the same moment are counted, too.
    for (const who of guessed) access.lockout.failed(who);
    const administrator = await findAdministrator(store.connection, 'name', body.name);
    const isRight = await isPasswordOf(body.password, administrator?.passwordHash);
    if (administrator === undefined || !isRight || !administrator.isEnabled)
      throw new Refusal(401, 'Name or password is not right.');
    for (const who of guessed) access.lockout.succeeded(who);
    const login = { administratorId: administrator.id, method: 'password' as const, address };
    return inBrowser(request, response, await access.logIn(login), nowMs());
  });
}

function keyRoutes(app: Express, { access, authorize }: SessionOptions): void {
  handle(app, ADMIN_API.session.challenge, authorize, async ({ body, request }) => {
    refuseLocked(access, [request.ip ?? '']);
    const { id, nonce, expiresAtMs } = await access.challenges.issue(body.fingerprint);
    return { challengeId: id, nonce, expiresAt: new Date(expiresAtMs).toISOString(), alg: 'ed25519' as const };
  });
  handle(app, ADMIN_API.session.verify, authorize, async ({ body, request }) => {
    const address = request.ip ?? '';
    refuseLocked(access, [address]);
    const key = await access.challenges.meet(body);
    if (key === undefined) {
      access.lockout.failed(address);
      throw new Refusal(
        401,
        'The challenge was not met: it has been used or run out, or key or signature is not right.',
      );
    }
    const { administratorId, fingerprint } = key;
    const { secret, session } = await access.logIn({ administratorId, method: 'key', fingerprint, address });
    return { token: secret, expiresAt: new Date(session.expiresAtMs).toISOString(), fingerprint };
  });
}

function oidcRoutes(app: Express, { store, access, authorize, nowMs }: SessionOptions): void {
  const { oidc } = access;
  const off = () => new Refusal(403, 'Login by OIDC is off; OIDC_ISSUER turns it on.');
  handle(app, ADMIN_API.session.startOidc, authorize, async ({ request, response }) => {
    if (oidc === undefined) throw off();
    const { url, state } = await oidc.start();
    setCookie(request, response, OIDC_COOKIE, { value: state, ageMs: 600_000 });
    return { url: url.href };
  });
  handle(app, ADMIN_API.session.finishOidc, authorize, async ({ body, request, response }) => {
    if (oidc === undefined) throw off();
    const identity = await oidc.finish(body.query, cookieIn(request, OIDC_COOKIE) ?? '');
    setCookie(request, response, OIDC_COOKIE, { value: '', ageMs: 0 });
    const { id: administratorId } = await admitOidc(store, identity, new Date(nowMs()).toISOString());
    const login = { administratorId, method: 'oidc' as const, address: request.ip ?? '' };
    return inBrowser(request, response, await access.logIn(login), nowMs());
  });
}

/** @throws Refusal 429 */
function refuseLocked({ lockout }: Access, guessed: readonly string[]): void {
  if (guessed.some((who) => lockout.isLocked(who)))
    throw new Refusal(429, 'Too many failed logins. Please wait fifteen minutes.');
}

type LoggedIn = Awaited<ReturnType<Access['logIn']>>;

function inBrowser(request: Request, response: Response, { secret, session }: LoggedIn, nowMs: number) {
  setCookie(request, response, SESSION_COOKIE, { value: secret, ageMs: session.expiresAtMs - nowMs });
  return shown(session);
}

function shown({ administrator, role, tenantId, expiresAtMs }: Session) {
  const latest = Math.min(expiresAtMs, 8.64e15);
  return {
    administrator,
    role,
    ...(tenantId !== undefined && { tenantId }),
    expiresAt: new Date(latest).toISOString(),
  };
}
