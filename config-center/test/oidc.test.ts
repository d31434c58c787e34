import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseOidcRoles } from '../src/domain/oidc-role.ts';
import { startConfigCenter } from './support/config-center.ts';

type Center = Awaited<ReturnType<typeof startConfigCenter>>;

const REDIRECT = 'http://localhost:8080/login/oidc';
const OURS = { authorization: '' };

/** What the provider knows of whom. */
const PEOPLE: Record<string, Record<string, unknown>> = {
  ada: { preferred_username: 'ada', groups: ['staff', 'gateway-admins'] },
  bob: { email: 'bob@example.org', email_verified: true },
  eve: { email: 'bob@example.org', email_verified: false },
  guest: { preferred_username: 'guest', groups: ['guests'] },
  admin: { preferred_username: 'admin', groups: ['watchers'] },
  acme: { preferred_username: 'acme boss', groups: ['acme'] },
};

let server: Server;
let issuer: URL;
let center: Center;
let nowMs = Date.now();

/** A real OpenID provider on this host, which asks nobody for a password but takes who is named in the login. */
async function startProvider(): Promise<Server> {
  const listening = createServer();
  listening.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const provider = new Provider(`http://127.0.0.1:${(listening.address() as AddressInfo).port}`, {
    clients: [{ client_id: 'gateway', client_secret: 'a-secret-of-the-client', redirect_uris: [REDIRECT] }],
    scopes: ['openid', 'email', 'profile', 'groups'],
    claims: { email: ['email', 'email_verified'], profile: ['preferred_username'], groups: ['groups'] },
    pkce: { required: () => true },
    cookies: { keys: ['a key of the test'] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...PEOPLE[sub] }) }),
    async loadExistingGrant(context) {
      const { client, session, provider: owner } = context.oidc;
      const grant = new owner.Grant({ clientId: client?.clientId ?? '', accountId: session?.accountId ?? '' });
      grant.addOIDCScope('openid email profile groups');
      await grant.save();
      return grant;
    },
  });
  const answer = provider.callback();
  listening.on('request', async (request, response) => {
    if (!request.url?.startsWith('/interaction/')) return answer(request, response);
    const accountId = String(request.headers['x-person']);
    await provider.interactionFinished(request, response, { login: { accountId } });
  });
  return listening;
}

beforeAll(async () => {
  server = await startProvider();
  issuer = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
afterAll(async () => {
  await center.close();
  server.closeAllConnections();
  server.close();
});

const GRANTS = new Map(parseOidcRoles('gateway-admins=superadmin,watchers=viewer'));

async function start(): Promise<Center> {
  return startConfigCenter({
    nowMs: () => nowMs,
    oidc: {
      issuer,
      clientId: 'gateway',
      clientSecret: 'a-secret-of-the-client',
      redirectUri: REDIRECT,
      scope: 'openid email profile groups',
      roleClaim: 'groups',
      grants: GRANTS,
    },
  });
}

/** Begins a login as the dashboard does. */
async function begin() {
  const { status, body, headers } = await center.call('POST', '/api/v2/session/oidc', undefined, OURS);
  expect(status).toBe(200);
  return { url: new URL(body.data.url), cookie: (headers.get('set-cookie') ?? '').split(';')[0] ?? '' };
}

/** Follows the provider's redirects as a browser does, until it sends the browser back; gives the query. */
async function throughProvider(url: URL, person: string): Promise<string> {
  const jar = new Map<string, string>();
  let next = url;
  for (let hop = 0; hop < 10; hop++) {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(next, { redirect: 'manual', headers: { cookie, 'x-person': person } });
    for (const set of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      jar.set(name, value);
    }
    const location = answer.headers.get('location');
    if (location === null) throw new Error(`${answer.status} ${await answer.text()}`);
    next = new URL(location, next);
    if (next.href.startsWith(REDIRECT)) return next.search.slice(1);
  }
  throw new Error('the provider does not send back');
}

const finish = (query: string, cookie: string) =>
  center.call('POST', '/api/v2/session/oidc/callback', { query }, { ...OURS, cookie });

async function logIn(person: string) {
  const { url, cookie } = await begin();
  return finish(await throughProvider(url, person), cookie);
}

describe('login by OIDC', () => {
  beforeEach(async () => {
    await center?.close();
    center = await start();
  });

  it('makes an administrator of whom the claim gives a role, and follows the claim at each login', async () => {
    const first = await logIn('ada');
    expect(first).toMatchObject({ status: 200, body: { data: { administrator: 'ada', role: 'superadmin' } } });
    const cookies = first.headers.getSetCookie();
    expect(cookies.map((cookie) => cookie.split('=')[0])).toEqual(['gw_oidc', 'gw_session']);
    const cookie = cookies[1]?.split(';')[0] ?? '';
    const isIn = async () =>
      (await center.call('GET', '/api/v2/session', undefined, { ...OURS, cookie })).status === 200;
    expect(await isIn()).toBe(true);

    PEOPLE.ada = { ...PEOPLE.ada, groups: ['watchers'] };
    expect((await logIn('ada')).body.data).toMatchObject({ administrator: 'ada', role: 'viewer' });
    const { items } = (await center.call('GET', '/api/v2/administrators')).body.data;
    expect(items.filter(({ name }: { name: string }) => name === 'ada')).toMatchObject([{ source: 'oidc' }]);

    PEOPLE.ada = { ...PEOPLE.ada, groups: [] };
    expect((await logIn('ada')).status).toBe(403);
    expect(await isIn()).toBe(false);
  });

  it('lets in whom an administrator has made with the verified email, and binds the subject', async () => {
    const draft = { name: 'Bob', role: 'operator', email: 'bob@example.org' };
    const { id } = (await center.call('POST', '/api/v2/administrators', draft)).body.data;
    expect((await logIn('eve')).status).toBe(403);
    expect((await logIn('bob')).body.data).toMatchObject({ administrator: 'Bob', role: 'operator' });
    expect((await center.call('GET', `/api/v2/administrators/${id}`)).body.data).toMatchObject({ oidcSubject: 'bob' });
    await center.call('PUT', `/api/v2/administrators/${id}`, { ...draft, oidcSubject: 'bob', isEnabled: false });
    expect((await logIn('bob')).status).toBe(403);
  });

  it('refuses who has no role, and makes nobody of them', async () => {
    expect(await logIn('guest')).toMatchObject({ status: 403, body: { message: expect.stringContaining('no role') } });
    expect((await center.call('GET', '/api/v2/administrators')).body.data.items).toHaveLength(1);
  });

  it('gives nobody the name of another administrator', async () => {
    const { body } = await logIn('admin');
    expect(body.data).toMatchObject({ administrator: 'admin admin', role: 'viewer' });
  });

  it('makes the administrator of a tenant', async () => {
    const tenant = await center.call('POST', '/api/v2/tenants', { name: 'Acme' });
    GRANTS.set('acme', { role: 'tenant_admin', tenantId: tenant.body.data.id });
    expect((await logIn('acme')).body.data).toMatchObject({ role: 'tenant_admin', tenantId: tenant.body.data.id });
  });

  it('refuses a state that this browser did not begin with, or that was changed, used or has run out', async () => {
    const [mine, other] = [await begin(), await begin()];
    const query = await throughProvider(mine.url, 'admin');
    expect((await finish(query, '')).status).toBe(401);
    expect((await finish(query, other.cookie)).status).toBe(401);
    // The failed try has used the other login up, not this one.
    expect((await finish(query, mine.cookie)).status).toBe(200);
    expect((await finish(query, mine.cookie)).status).toBe(401);

    const changed = await begin();
    const parameters = new URLSearchParams(await throughProvider(changed.url, 'admin'));
    parameters.set('state', 'of-somebody-else');
    expect((await finish(parameters.toString(), changed.cookie)).status).toBe(401);

    const late = await begin();
    const lateQuery = await throughProvider(late.url, 'admin');
    nowMs += 10 * 60_000;
    expect((await finish(lateQuery, late.cookie)).status).toBe(401);
  });

  it('refuses another nonce, another verifier, and a code that the provider does not know', async () => {
    const forged = async (change: (url: URL) => void) => {
      const { url, cookie } = await begin();
      change(url);
      return (await finish(await throughProvider(url, 'admin'), cookie)).status;
    };
    expect(await forged(() => {})).toBe(200);
    expect(await forged((url) => url.searchParams.set('nonce', 'of-an-older-login'))).toBe(401);
    expect(await forged((url) => url.searchParams.set('code_challenge', 'E'.repeat(43)))).toBe(401);
    const { url, cookie } = await begin();
    const query = new URLSearchParams(await throughProvider(url, 'admin'));
    query.set('code', 'guessed');
    expect((await finish(query.toString(), cookie)).status).toBe(401);
  });

  it('answers 503 while the provider is away', async () => {
    const away = await startConfigCenter({
      oidc: {
        issuer: new URL('http://127.0.0.1:2'),
        clientId: 'gateway',
        clientSecret: undefined,
        redirectUri: REDIRECT,
        scope: 'openid',
        roleClaim: undefined,
        grants: new Map(),
      },
    });
    expect((await away.call('POST', '/api/v2/session/oidc', undefined, OURS)).status).toBe(503);
    await away.close();
  });
});
