import { afterAll, beforeAll, expect, it } from 'vitest';
import { startConfigCenter } from './support/config-center.ts';

let center: Awaited<ReturnType<typeof startConfigCenter>>;
beforeAll(async () => {
  center = await startConfigCenter();
});
afterAll(() => center.close());

const call = (method: string, path: string, body?: unknown) => center.call(method, `/api/v2${path}`, body);
const allowed = { decision: 'allowed' };
const draft = (name: string, cases: readonly object[] = [{ name: 'c', expect: allowed }]) => ({ name, cases });

it('are kept with versions and told to the audit log, and are no part of the rules', async () => {
  const { revision } = center.publisher.current();
  const created = await call('POST', '/policy-tests', draft('kept'));
  expect(created).toMatchObject({ status: 201, body: { data: { version: 1, isEnabled: true } } });
  const path = `/policy-tests/${created.body.data.id}`;
  expect((await call('PUT', path, { ...draft('renamed'), version: 1 })).body.data).toMatchObject({ version: 2 });
  expect((await call('PUT', path, { ...draft('late'), version: 1 })).status).toBe(409);
  expect((await call('POST', '/policy-tests', draft('renamed'))).body.data.errors[0].path).toBe('name');
  expect((await call('GET', '/policy-tests?keyword=RENAMED')).body.data.total).toBe(1);
  expect((await call('DELETE', path)).status).toBe(200);
  const { items } = (await call('GET', '/audit?kind=policy_test')).body.data;
  expect(items.map(({ action }: { action: string }) => action)).toEqual(['delete', 'update', 'create']);
  expect(center.publisher.current().revision).toBe(revision);
  expect(center.publisher.current().body).not.toContain('policyTest');
});

it.each([
  ['no case', [], 'cases'],
  ['cases out of order', [{ atMs: 2 }, { atMs: 1 }], 'cases.1.atMs'],
  ['a secret', [{ request: { headers: { Authorization: 'Bearer vk_secret' } } }], 'cases.0.request.headers'],
  ['a large body', [{ request: { body: 'x'.repeat(16_001) } }], 'cases.0.request.body'],
  ['too much in all', Array.from({ length: 10 }, () => ({ request: { body: 'x'.repeat(15_000) } })), 'cases'],
  ['an unknown error', [{ expect: { decision: 'refused', code: 'nonsense' } }], 'cases.0.expect.code'],
  ['an error of what is allowed', [{ expect: { decision: 'allowed', code: 'not_found' } }], 'cases.0.expect'],
  ['an unknown field', [{ expected: 1 }], 'cases.0.expected'],
])('are refused with %s', async (_, cases, path) => {
  const all = cases.map((one) => ({ name: 'c', expect: allowed, ...one }));
  const refused = await call('POST', '/policy-tests', draft('refused', all));
  expect(refused).toMatchObject({ status: 400, body: { data: { errors: [{ path }] } } });
});

it('are not run without a gateway, and block nothing then', async () => {
  const namespace = (await call('POST', '/namespaces', { code: 'alone', name: 'Alone', authMode: 'open' })).body.data;
  const condition = { source: 'header', field: 'x-channel-code', operator: 'equals', value: 'alone' };
  const request = { headers: { 'X-Channel-Code': 'alone' } };
  await call('POST', '/policy-tests', draft('blocks', [{ name: 'c', request, expect: allowed }]));
  expect((await call('POST', '/policy-tests/run', {})).status).toBe(503);
  const made = await call('POST', '/matchers', { namespaceId: namespace.id, ...condition });
  expect(made.status).toBe(201);
  const { revision } = center.publisher.current();
  const { items } = (await call('GET', `/audit?kind=revision&rowId=${revision}`)).body.data;
  expect(items).toMatchObject([{ after: { policyTests: 'not run', reason: 'No gateway is live.' } }]);
});

it("cannot be ignored by a tenant's administrator, and do not concern keys that they do not name", async () => {
  const tenantId = (await call('POST', '/tenants', { name: 'Ours' })).body.data.id;
  const { id } = (await call('POST', '/administrators', { name: 'theirs', role: 'tenant_admin', tenantId })).body.data;
  const { secret } = await center.access.logIn({ administratorId: id, method: 'key', address: '' });
  const asTenant = { authorization: `Bearer ${secret}` };
  const make = (query: string) => center.call('POST', `/api/v2/virtual-keys${query}`, { name: 'phone' }, asTenant);
  expect(await make('?ignoreTests=true')).toMatchObject({
    status: 403,
    body: { data: { errors: [{ path: 'ignoreTests' }] } },
  });
  expect((await make('')).status).toBe(201);
  const { revision } = center.publisher.current();
  expect((await call('GET', `/audit?kind=revision&rowId=${revision}`)).body.data.items).toEqual([]);
});
