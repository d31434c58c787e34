import { parseOidcRoles } from '../domain/oidc-role.ts';
import type { Settings } from '../settings.ts';
import type { OidcSettings } from './oidc.ts';

/** Hosts that may be asked without TLS: nobody is between. */
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/**
 * The OIDC provider of the settings, if there is one.
 * @throws Error that names the setting that is missing or wrong
 */
export function oidcSettingsOf(settings: Settings): OidcSettings | undefined {
  const { OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, OIDC_SCOPE, OIDC_ROLE_CLAIM, PUBLIC_URL } = settings;
  if (OIDC_ISSUER === undefined) return undefined;
  const issuer = new URL(OIDC_ISSUER);
  const isSafe = issuer.protocol === 'https:' || LOOPBACK.includes(issuer.hostname);
  if (!isSafe) throw new Error('OIDC_ISSUER: must begin with https:');
  if (OIDC_CLIENT_ID === undefined) throw new Error('OIDC_CLIENT_ID: not set, but OIDC_ISSUER is');
  const grants = parseOidcRoles(settings.OIDC_ROLES);
  if (grants.size > 0 && OIDC_ROLE_CLAIM === undefined)
    throw new Error('OIDC_ROLE_CLAIM: not set, but OIDC_ROLES is; it names the claim that holds the values');
  return {
    issuer,
    clientId: OIDC_CLIENT_ID,
    clientSecret: OIDC_CLIENT_SECRET,
    redirectUri: `${PUBLIC_URL.replace(/\/$/, '')}/login/oidc`,
    scope: OIDC_SCOPE,
    roleClaim: OIDC_ROLE_CLAIM,
    grants,
  };
}
