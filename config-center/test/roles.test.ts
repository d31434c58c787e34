import { ADMIN_API, type AdministratorRole, type AdminRoute } from '@ai-gateway/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUILT_IN } from '../src/auth/administrators.ts';
import { startConfigCenter } from './support/config-center.ts';

type Center = Awaited<ReturnType<typeof startConfigCenter>>;

const ROLES: readonly AdministratorRole[] = ['superadmin', 'operator', 'viewer', 'tenant_admin'];
const ROUTES = Object.entries(ADMIN_API).flatMap(([group, routes]) =>
  Object.entries(routes as Record<string, AdminRoute>).map(([action, route]) => ({
    name: `${group}.${action}`,
    route,
  })),
);

/** Routes that anybody calls. */
const PUBLIC = [
  'session.login',
  'session.ways',
  'session.password',
  'session.challenge',
  'session.verify',
  'session.startOidc',
  'session.finishOidc',
];
/** What each administrator does with what is their own. */
const OWN = ['session.current', 'session.logout', 'session.createCode', 'sessions.list', 'sessions.remove'];
/** What a tenant_admin does besides: each of these is narrowed to its tenant, which a test below shows. */
const OF_TENANT = [
  'tenants.list',
  'tenants.read',
  'layeredLimits.list',
  'layeredLimits.read',
  'accounts.list',
  'accounts.read',
  'accounts.entries',
  'usage.read',
  'virtualKeys.list',
  'virtualKeys.create',
  'virtualKeys.read',
  'virtualKeys.update',
  'virtualKeys.remove',
  'virtualKeys.rotate',
  'virtualKeys.activate',
  'virtualKeys.deactivate',
];
/** Groups and routes for superadmins alone. */
const SUPERADMIN = ['administrators', 'administratorKeys', 'secrets'];
const SUPERADMIN_ROUTES = ['create', 'update', 'remove', 'rotate']
  .map((action) => `providerKeys.${action}`)
  .concat('settings.update');
/** Asks without changing anything, though it is no GET. */
const ASKING = [
  'tokens.tokenize',
  'explain.explain',
  'simulate.simulate',
  'ruleSet.diff',
  'locations.test',
  'policyTests.run',
];

function isAllowed(role: AdministratorRole, name: string, { method }: AdminRoute): boolean {
  if (OWN.includes(name)) return true;
  if (role === 'tenant_admin') return OF_TENANT.includes(name);
  if (SUPERADMIN.includes(name.split('.')[0] ?? '') || SUPERADMIN_ROUTES.includes(name)) return role === 'superadmin';
  if (role === 'viewer') return method === 'get' || ASKING.includes(name);
  return true;
}

let center: Center;
const tenants: string[] = [];
const secrets = new Map<AdministratorRole, string>();

async function made(path: string, draft: object): Promise<string> {
  const { body, status } = await center.call('POST', `/api/v2/${path}`, draft);
  expect([path, status, body.data.errors]).toEqual([path, 201, undefined]);
  return body.data.id;
}

async function sessionOf(administratorId: string): Promise<string> {
  return (await center.access.logIn({ administratorId, method: 'key', address: '' })).secret;
}

const as = (role: AdministratorRole) => ({ authorization: `Bearer ${secrets.get(role)}` });

beforeAll(async () => {
  center = await startConfigCenter();
  for (const name of ['Ours', 'Theirs']) tenants.push(await made('tenants', { name }));
  for (const role of ROLES) {
    const ofTenant = role === 'tenant_admin' && { tenantId: tenants[0] };
    secrets.set(role, await sessionOf(await made('administrators', { name: `one ${role}`, role, ...ofTenant })));
  }
});
afterAll(() => center.close());

const pathOf = ({ path }: AdminRoute) => `/api/v2${path.replaceAll(/:\w+/g, 'nobody')}`;

it('anybody may call what logs in, and nothing else', () => {
  expect(ROUTES.filter(({ route }) => route.access === 'public').map(({ name }) => name)).toEqual(PUBLIC);
});

describe.each(ROUTES.filter(({ name }) => !PUBLIC.includes(name)))('$name', ({ name, route }) => {
  it('is refused to strangers', async () => {
    const response = await fetch(center.url + pathOf(route), { method: route.method.toUpperCase() });
    expect(response.status).toBe(401);
  });

  it.each(ROLES)('lets in %s, or not, as its role says', async (role) => {
    // A route that ends the session gets one of its own.
    const { body } = await center.call('GET', '/api/v2/session', undefined, as(role));
    const id = (await center.access.sessions.list()).find((row) => row.administrator === body.data.administrator);
    const headers =
      name === 'session.logout' ? { authorization: `Bearer ${await sessionOf(id?.administratorId ?? '')}` } : as(role);
    const answer = await center.call(route.method.toUpperCase(), pathOf(route), undefined, headers);
    expect(answer.body.message === 'Your role may not do this.').toBe(!isAllowed(role, name, route));
    if (!isAllowed(role, name, route)) expect(answer.status).toBe(403);
  });
});

describe('a tenant_admin', () => {
  const rows = { keys: ['', ''], limits: ['', ''], accounts: ['', ''] };
  const call = (method: string, path: string, body?: unknown) =>
    center.call(method, `/api/v2/${path}`, body, as('tenant_admin'));
  const ids = async (path: string) =>
    (await call('GET', path)).body.data.items.map(({ id }: { id: string }) => id) as string[];

  beforeAll(async () => {
    for (const [index, tenantId] of tenants.entries()) {
      rows.keys[index] = await made('virtual-keys', { name: `key ${index}`, tenantId });
      rows.accounts[index] = await made('accounts', { tenantId });
      const limit = { control: 'rpm', maxRequests: 5 };
      rows.limits[index] = await made('layered-limits', { targetType: 'tenant', targetId: tenantId, limit });
    }
    await made('virtual-keys', { name: 'of nobody' });
    await made('layered-limits', { targetType: 'global', limit: { control: 'rpm', maxRequests: 9 } });
  });

  it('sees only what belongs to its tenant, whatever it asks for', async () => {
    expect(await ids('tenants?size=100')).toEqual([tenants[0]]);
    expect(await ids('virtual-keys?size=100')).toEqual([rows.keys[0]]);
    expect(await ids('virtual-keys?keyword=of%20nobody')).toEqual([]);
    expect(await ids('layered-limits?size=100')).toEqual([rows.limits[0]]);
    expect(await ids(`layered-limits?targetId=${tenants[1]}`)).toEqual([]);
    expect(await ids('layered-limits?targetType=global')).toEqual([]);
    expect(await ids('accounts?size=100')).toEqual([rows.accounts[0]]);
    for (const path of [`accounts/${rows.accounts[1]}`, `accounts/${rows.accounts[1]}/entries`])
      expect((await call('GET', path)).status).toBe(404);
    for (const path of [`accounts/${rows.accounts[0]}`, `accounts/${rows.accounts[0]}/entries`])
      expect((await call('GET', path)).status).toBe(200);
    for (const path of [`tenants/${tenants[1]}`, `virtual-keys/${rows.keys[1]}`, `layered-limits/${rows.limits[1]}`])
      expect((await call('GET', path)).status).toBe(404);
    for (const path of [`tenants/${tenants[0]}`, `virtual-keys/${rows.keys[0]}`, `layered-limits/${rows.limits[0]}`])
      expect((await call('GET', path)).status).toBe(200);
  });

  it('makes, changes and deletes keys of its tenant alone', async () => {
    const created = await call('POST', 'virtual-keys', { name: 'mine' });
    expect(created).toMatchObject({ status: 201, body: { data: { tenantId: tenants[0] } } });
    const path = `virtual-keys/${created.body.data.id}`;
    expect((await call('PUT', path, { name: 'renamed' })).body.data).toMatchObject({ tenantId: tenants[0] });
    expect((await call('PUT', path, { name: 'given away', tenantId: tenants[1] })).status).toBe(403);
    expect((await call('POST', 'virtual-keys', { name: 'theirs', tenantId: tenants[1] })).status).toBe(403);
    expect((await call('PUT', `virtual-keys/${rows.keys[1]}`, { name: 'taken', tenantId: tenants[0] })).status).toBe(
      404,
    );
    expect((await call('DELETE', `virtual-keys/${rows.keys[1]}`)).status).toBe(404);
    expect((await call('DELETE', path)).status).toBe(200);
    expect((await center.call('GET', `/api/v2/virtual-keys/${rows.keys[1]}`)).body.data.name).toBe('key 1');
  });

  it('does not choose the class that its limits come from', async () => {
    const customerTypeId = await made('customer-types', { name: 'gold' });
    expect((await call('POST', 'virtual-keys', { name: 'golden', customerTypeId })).status).toBe(403);
    expect((await call('PUT', `virtual-keys/${rows.keys[0]}`, { name: 'golden', customerTypeId })).status).toBe(403);
  });

  it('has another tenant or role from the moment that it is given', async () => {
    const { items } = (await center.call('GET', '/api/v2/administrators')).body.data;
    const { id, name } = items.find(({ role }: { role: string }) => role === 'tenant_admin');
    const path = `/api/v2/administrators/${id}`;
    await center.call('PUT', path, { name, role: 'tenant_admin', tenantId: tenants[1] });
    expect(await ids('virtual-keys')).toEqual([rows.keys[1]]);
    await center.call('PUT', path, { name, role: 'viewer' });
    expect((await call('GET', 'virtual-keys')).body.data.total).toBe(3);
    expect((await call('POST', 'virtual-keys', { name: 'no' })).status).toBe(403);
    await center.call('PUT', path, { name, role: 'tenant_admin', tenantId: tenants[0] });
    expect(await ids('virtual-keys')).toEqual([rows.keys[0]]);
  });
});

describe('administrators', () => {
  const create = (draft: object) => center.call('POST', '/api/v2/administrators', draft);

  it.each([
    [{ name: 'x', role: 'tenant_admin' }, 400, 'tenantId'],
    [{ name: 'x', role: 'viewer', tenantId: 'TENANT' }, 400, 'tenantId'],
    [{ name: 'x', role: 'tenant_admin', tenantId: 'nowhere' }, 400, 'tenantId'],
    [{ name: 'automation', role: 'viewer' }, 400, 'name'],
    [{ name: ' x', role: 'viewer' }, 400, 'name'],
    [{ name: 'x', role: 'root' }, 400, 'role'],
    [{ name: 'x', role: 'viewer', email: 'nobody' }, 400, 'email'],
    [{ name: 'admin', role: 'viewer' }, 409, 'name'],
  ])('%j is refused', async (draft, status, path) => {
    const refused = await create(
      'tenantId' in draft && draft.tenantId === 'TENANT' ? { ...draft, tenantId: tenants[0] } : draft,
    );
    expect(refused).toMatchObject({ status, body: { data: { errors: [{ path }] } } });
  });

  it('are changed by version', async () => {
    const { id, version } = (await create({ name: 'versioned', role: 'viewer' })).body.data;
    const path = `/api/v2/administrators/${id}`;
    const draft = { name: 'versioned', role: 'operator', version };
    expect((await center.call('PUT', path, draft)).body.data).toMatchObject({ role: 'operator', version: version + 1 });
    expect((await center.call('PUT', path, draft)).body.data).toMatchObject({ current: { version: version + 1 } });
    expect((await center.call('DELETE', path)).status).toBe(200);
    expect((await center.call('GET', path)).status).toBe(404);
  });

  it('always include an enabled superadmin, also when two go at the same moment', async () => {
    const own = await startConfigCenter();
    const second = await own.call('POST', '/api/v2/administrators', { name: 'second', role: 'superadmin' });
    const path = (id: string) => `/api/v2/administrators/${id}`;
    const gone = await Promise.all([
      own.call('DELETE', path(BUILT_IN)),
      own.call('PUT', path(second.body.data.id), { name: 'second', role: 'viewer' }),
    ]);
    expect(gone.map(({ status }) => status).sort()).toEqual([200, 409]);
    const { items } = (await own.call('GET', '/api/v2/administrators')).body.data;
    const [{ id, name }] = items.filter(({ role }: { role: string }) => role === 'superadmin');
    expect((await own.call('PUT', path(id), { name, role: 'superadmin', isEnabled: false })).status).toBe(409);
    expect((await own.call('DELETE', path(id))).status).toBe(409);
    await own.close();
  });
});
