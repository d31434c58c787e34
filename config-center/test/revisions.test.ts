import { afterAll, beforeAll, expect, it } from 'vitest';
import { startConfigCenter } from './support/config-center.ts';

let center: Awaited<ReturnType<typeof startConfigCenter>>;
beforeAll(async () => {
  center = await startConfigCenter();
});
afterAll(() => center.close());

async function call(method: string, path: string, body?: unknown) {
  const answer = await center.call(method, `/api/v2${path}`, body);
  expect(answer.body.code, JSON.stringify(answer.body)).toBeLessThan(300);
  return answer.body.data;
}
const newest = () => center.publisher.current().revision;

/** Rules of every kind that name each other. */
async function makeRules() {
  const customerType = await call('POST', '/customer-types', { name: 'Gold' });
  const tenant = await call('POST', '/tenants', { name: 'Acme', customerTypeId: customerType.id });
  const namespace = await call('POST', '/namespaces', { code: 'shop', name: 'Shop' });
  const provider = await call('POST', '/providers', { name: 'acme', dialect: 'openai', models: ['m'] });
  const upstream = await call('POST', '/upstreams', { providerId: provider.id, baseUrl: 'https://api.example.com/v1' });
  const key = await call('POST', '/virtual-keys', { name: 'Key', namespaceIds: [namespace.id], tenantId: tenant.id });
  const matcher = await call('POST', '/matchers', {
    namespaceId: namespace.id,
    source: 'path',
    operator: 'equals',
    value: '/shop',
  });
  const policy = await call('POST', '/policies', {
    namespaceId: namespace.id,
    name: 'One',
    scope: { virtualKeyId: key.id },
    rule: { kind: 'qps-limit', maxQps: 1 },
  });
  return { customerType, tenant, namespace, provider, upstream, key, matcher, policy };
}

it('keeps history, tells what differs, and goes back', async () => {
  const rules = await makeRules();
  const good = newest();
  const content = JSON.parse(center.publisher.current().body);

  for (const [path, { id }] of [
    ['policies', rules.policy],
    ['matchers', rules.matcher],
    ['virtual-keys', rules.key],
    ['upstreams', rules.upstream],
    ['providers', rules.provider],
    ['tenants', rules.tenant],
    ['customer-types', rules.customerType],
  ] as const) {
    await call('DELETE', `/${path}/${id}`);
  }
  await call('PUT', `/namespaces/${rules.namespace.id}`, { code: 'shop', name: 'Renamed' });
  await call('POST', '/namespaces', { code: 'later', name: 'Later' });

  const listed = await call('GET', '/revisions?size=2');
  expect(listed).toMatchObject({ page: 1, size: 2, total: newest() });
  expect(listed.items).toMatchObject([
    { revision: newest(), changes: { sinceRevision: newest() - 1, added: 1, removed: 0, changed: 0 } },
    { revision: newest() - 1, changes: { added: 0, removed: 0, changed: 1 } },
  ]);

  const diff = await call('GET', `/revisions/${good}/diff/${newest()}`);
  const ofKind = (wanted: string) => diff.kinds.find(({ kind }: { kind: string }) => kind === wanted);
  expect(ofKind('policies')).toMatchObject({ removed: [{ id: rules.policy.id, name: 'One' }], added: [] });
  expect(ofKind('namespaces')).toMatchObject({
    added: [{ code: 'later' }],
    changed: [{ id: rules.namespace.id, fields: [{ field: 'name', before: 'Shop', after: 'Renamed' }] }],
  });

  const rolledBack = await call('POST', `/revisions/${good}/rollback`);
  expect(rolledBack.revision).toBe(newest());
  const { revision: _, createdAt: __, ...now } = JSON.parse(center.publisher.current().body);
  const { revision: ___, createdAt: ____, ...then } = content;
  expect(now).toEqual(then);
  expect((await call('GET', `/revisions/${good}/diff/${newest()}`)).kinds).toEqual([]);
});

it('shows nothing that identifies the secrets of virtual keys', async () => {
  const [virtualKey] = JSON.parse(center.publisher.current().body).virtualKeys;
  const [first, last] = [await call('GET', '/revisions/1'), await call('GET', `/revisions/${newest()}`)];
  expect(last.content.virtualKeys).toHaveLength(1);
  const diff = await call('GET', `/revisions/1/diff/${newest()}`);
  for (const shown of [first, last, diff]) expect(JSON.stringify(shown)).not.toContain(virtualKey.secretHash);
});

it('makes no revision by going back to the rules of now', async () => {
  const before = newest();
  expect(await call('POST', `/revisions/${before}/rollback`)).toEqual({ revision: before });
});

it('refuses to go back where rows have exchanged what must be unique, and changes nothing', async () => {
  const one = await call('POST', '/namespaces', { code: 'one', name: 'One' });
  const two = await call('POST', '/namespaces', { code: 'two', name: 'Two' });
  const before = newest();
  await call('PUT', `/namespaces/${one.id}`, { code: 'three', name: 'One' });
  await call('PUT', `/namespaces/${two.id}`, { code: 'one', name: 'Two' });
  await call('PUT', `/namespaces/${one.id}`, { code: 'two', name: 'One' });
  const after = newest();
  const refused = await center.call('POST', `/api/v2/revisions/${before}/rollback`);
  expect(refused.status).toBe(409);
  expect(refused.body.data.errors[0].path).toMatch(/^ns_/);
  expect(newest()).toBe(after);
});

it.each(['0', '999999', 'x', '1e3', '-1'])('has no revision %s', async (revision) => {
  expect((await center.call('GET', `/api/v2/revisions/${revision}`)).status).toBe(404);
  expect((await center.call('GET', `/api/v2/revisions/1/diff/${revision}`)).status).toBe(404);
  expect((await center.call('POST', `/api/v2/revisions/${revision}/rollback`)).status).toBe(404);
});
