import type { Request, Response } from 'express';

/** Name of the session's cookie; over https with the prefix that lets no other host or path set it (RFC 6265bis). */
export const SESSION_COOKIE = 'gw_session';
/** Holds the state of a login at the OIDC provider, so that only the browser that began it can end it. */
export const OIDC_COOKIE = 'gw_oidc';

/** The secret in a cookie. */
export function cookieIn(request: Request, name: string): string | undefined {
  const [, secret] =
    new RegExp(`(?:^|;\\s*)${nameFor(request, name)}=([A-Za-z0-9_-]+)`).exec(request.headers.cookie ?? '') ?? [];
  return secret;
}

/** Sets a cookie that no script reads and no other site sends along with a change; age in ms, 0 takes it away. */
export function setCookie(
  request: Request,
  response: Response,
  name: string,
  content: { value: string; ageMs: number },
) {
  const { secure } = request;
  response.cookie(nameFor(request, name), content.value, {
    httpOnly: true,
    sameSite: 'lax',
    path: '/',
    secure,
    maxAge: content.ageMs,
  });
}

function nameFor({ secure }: Request, name: string): string {
  return secure ? `__Host-${name}` : name;
}
