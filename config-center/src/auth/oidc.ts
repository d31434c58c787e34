import * as client from 'openid-client';
import type { Connection } from '../db/connection.ts';
import { Refusal } from '../domain/faults.ts';
import { grantOf, type OidcGrant } from '../domain/oidc-role.ts';
import { hashOf } from './secrets.ts';

const LOGIN_MS = 10 * 60_000;
const TIMEOUT_SECONDS = 10;

/** The OIDC provider, and whom it makes what. */
export interface OidcSettings {
  readonly issuer: URL;
  readonly clientId: string;
  /** Absent for a public client, which PKCE alone protects. */
  readonly clientSecret: string | undefined;
  /** Where the provider sends the browser back to. */
  readonly redirectUri: string;
  readonly scope: string;
  /** Name of the claim that holds roles or groups. */
  readonly roleClaim: string | undefined;
  readonly grants: ReadonlyMap<string, OidcGrant>;
}

/** Whom the provider has authenticated. */
export interface OidcIdentity {
  readonly subject: string;
  /** What people call them. */
  readonly name: string;
  /** Only when the provider has verified it. */
  readonly email?: string;
  /** What the role claim makes of them. */
  readonly grant?: OidcGrant;
}

/** Login by authorization code with PKCE, state and nonce (OpenID Connect Core 1.0, RFC 7636). */
export interface Oidc {
  /** Where to send the browser, and the state that must come back with it. */
  start(): Promise<{ readonly url: URL; readonly state: string }>;
  /**
   * Ends a login once. `state` is what the browser kept, `query` what the provider sent it back with.
   * @throws Refusal 401 when the two or the provider's tokens do not belong together, 503 when it does not answer
   */
  finish(query: string, state: string): Promise<OidcIdentity>;
}

export function oidcLogin(settings: OidcSettings, connection: Connection, nowMs: () => number): Oidc {
  let discovered: Promise<client.Configuration> | undefined;

  /** Asked for once; after a failure again. */
  async function configuration(): Promise<client.Configuration> {
    discovered ??= discover(settings);
    try {
      return await discovered;
    } catch {
      discovered = undefined;
      throw new Refusal(503, 'The OIDC provider does not answer.');
    }
  }

  return {
    async start() {
      const provider = await configuration();
      const [state, nonce, codeVerifier] = [
        client.randomState(),
        client.randomNonce(),
        client.randomPKCECodeVerifier(),
      ];
      await connection.deleteFrom('oidc_login').where('expires_at_ms', '<', nowMs()).execute();
      await connection
        .insertInto('oidc_login')
        .values({
          state_hash: hashOf(state),
          nonce,
          code_verifier: codeVerifier,
          expires_at_ms: nowMs() + LOGIN_MS,
        })
        .execute();
      const url = client.buildAuthorizationUrl(provider, {
        redirect_uri: settings.redirectUri,
        scope: settings.scope,
        state,
        nonce,
        code_challenge: await client.calculatePKCECodeChallenge(codeVerifier),
        code_challenge_method: 'S256',
      });
      return { url, state };
    },
    async finish(query, state) {
      const login = await takeLogin(connection, state, nowMs());
      if (login === undefined)
        throw new Refusal(401, 'The login has run out or was begun elsewhere. Please try again.');
      const provider = await configuration();
      const url = new URL(settings.redirectUri);
      url.search = query;
      return identityFrom(provider, url, { ...login, state, settings });
    },
  };
}

async function discover({ issuer, clientId, clientSecret }: OidcSettings): Promise<client.Configuration> {
  const authentication = clientSecret === undefined ? client.None() : client.ClientSecretBasic(clientSecret);
  return client.discovery(issuer, clientId, undefined, authentication, {
    timeout: TIMEOUT_SECONDS,
    execute: issuer.protocol === 'http:' ? [client.allowInsecureRequests] : [],
  });
}

/** What was remembered when a login began; it is forgotten by being asked for. */
async function takeLogin(connection: Connection, state: string, nowMs: number) {
  const row = await connection
    .selectFrom('oidc_login')
    .selectAll()
    .where('state_hash', '=', hashOf(state))
    .executeTakeFirst();
  const { numDeletedRows } = await connection
    .deleteFrom('oidc_login')
    .where('state_hash', '=', hashOf(state))
    .executeTakeFirst();
  if (row === undefined || numDeletedRows !== 1n || Number(row.expires_at_ms) <= nowMs) return undefined;
  return { nonce: String(row.nonce), codeVerifier: String(row.code_verifier) };
}

interface Expected {
  readonly nonce: string;
  readonly codeVerifier: string;
  readonly state: string;
  readonly settings: OidcSettings;
}

async function identityFrom(provider: client.Configuration, url: URL, expected: Expected): Promise<OidcIdentity> {
  const { nonce, codeVerifier, state, settings } = expected;
  try {
    const tokens = await client.authorizationCodeGrant(provider, url, {
      expectedState: state,
      expectedNonce: nonce,
      pkceCodeVerifier: codeVerifier,
    });
    const signed = tokens.claims() ?? { sub: '' };
    const told = await moreClaims(provider, tokens.access_token, signed.sub);
    return identityOf({ ...told, ...signed }, signed.sub, settings);
  } catch (error) {
    // The library says what is wrong with the answer without repeating tokens.
    const reason = error instanceof Error ? error.message : String(error);
    throw new Refusal(401, `The answer of the OIDC provider was not accepted: ${reason}.`);
  }
}

/** Many providers tell email and groups only at this endpoint. */
async function moreClaims(provider: client.Configuration, accessToken: string, subject: string): Promise<object> {
  if (provider.serverMetadata().userinfo_endpoint === undefined) return {};
  return client.fetchUserInfo(provider, accessToken, subject);
}

function identityOf(
  claims: Readonly<Record<string, unknown>>,
  subject: string,
  { roleClaim, grants }: OidcSettings,
): OidcIdentity {
  const { email, email_verified: isVerified, preferred_username: username, name } = claims;
  const grant = roleClaim === undefined ? undefined : grantOf(claims[roleClaim], grants);
  const called = [username, email, name].find((text) => typeof text === 'string' && text.trim() !== '');
  return {
    subject,
    name: String(called ?? subject),
    ...(typeof email === 'string' && isVerified === true && { email }),
    ...(grant && { grant }),
  };
}
