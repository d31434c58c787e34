import { afterAll, beforeAll, expect, it } from 'vitest';
import { ADMIN_TOKEN, startConfigCenter } from './support/config-center.ts';

let center: Awaited<ReturnType<typeof startConfigCenter>>;
beforeAll(async () => {
  center = await startConfigCenter();
});
afterAll(() => center.close());

const newest = () => center.publisher.current().revision;
const post = (path: string, body: unknown) => center.call('POST', `/api/v2${path}`, body);
const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
const exported = async () =>
  (await fetch(`${center.url}/api/v2/rule-set?format=yaml`, { headers: { ...headers } })).text();

const FILE = `
version: 1
customerTypes: [{ name: Gold }]
tenants: [{ name: Acme, customerType: Gold }]
namespaces: [{ code: shop, name: Shop, authMode: open }]
providers: [{ name: acme, models: [m] }]
upstreams: [{ provider: acme, baseUrl: 'https://api.example.com/v1' }]
prices: [{ provider: acme, model: m, inputPerMillion: '1', outputPerMillion: '2' }]
matchers: [{ namespace: shop, source: header, field: X-Channel, operator: equals, value: shop }]
layeredLimits: [{ targetType: tenant, target: Acme, limit: { control: tpm, maxTokens: 1000 } }]
policies:
  - namespace: shop
    name: slow
    scope: { tenant: Acme, upstream: 'acme https://api.example.com/v1' }
    rule: { kind: qps-limit, maxQps: 2 }
`;

it('shows what a file would do, does it in one revision, and then has nothing left to do', async () => {
  const before = newest();
  const shown = await post('/rule-set/diff', { file: FILE });
  expect(shown.body.data).toMatchObject({ revision: before, isApplied: false });
  expect(shown.body.data.changes).toHaveLength(9);
  const dry = await post('/rule-set/apply', { file: FILE, dryRun: true });
  expect([dry.body.data.isApplied, newest()]).toEqual([false, before]);

  const applied = await post('/rule-set/apply', { file: FILE, expectedRevision: before });
  expect(applied.body.data).toMatchObject({ revision: before + 1, isApplied: true });
  expect(newest()).toBe(before + 1);
  const { body } = await center.call('GET', '/api/v2/audit?kind=policy');
  expect(body.data.items[0]).toMatchObject({ action: 'create', actor: 'automation', after: { name: 'slow' } });

  for (const file of [FILE, await exported()]) {
    const again = await post('/rule-set/apply', { file, prune: true });
    expect(again.body.data).toMatchObject({ revision: before + 1, changes: [] });
  }
});

it('names the field that changes, and deletes only with prune', async () => {
  const file = (await exported()).replace('maxQps: 2', 'maxQps: 3').replace('name: slow', 'name: slower');
  const kept = await post('/rule-set/diff', { file });
  expect(kept.body.data.changes).toMatchObject([{ action: 'create', kind: 'policies', name: 'shop slower' }]);
  const pruned = await post('/rule-set/diff', { file, prune: true });
  expect(pruned.body.data.changes.map((change: { action: string }) => change.action)).toEqual(['create', 'delete']);
  const faster = await post('/rule-set/diff', { file: file.replace('slower', 'slow') });
  expect(faster.body.data.changes[0].fields).toMatchObject([{ field: 'rule', after: { maxQps: 3 } }]);
});

it('changes keys that exist, shows no secret of them, and makes none', async () => {
  const key = await post('/virtual-keys', { name: 'app' });
  const [{ secretHash }] = JSON.parse(center.publisher.current().body).virtualKeys;
  expect(await exported()).toContain('name: app');
  expect(await exported()).not.toContain(secretHash);

  const file = 'version: 1\nvirtualKeys: [{ name: app, namespaces: [shop], tenant: Acme }]';
  expect((await post('/rule-set/apply', { file, prune: true })).body.data.changes).toHaveLength(1);
  const [row] = JSON.parse(center.publisher.current().body).virtualKeys;
  expect(row).toMatchObject({ id: key.body.data.id, secretHash, prefix: key.body.data.prefix, name: 'app' });
  expect(row.namespaceIds).toHaveLength(1);

  const empty = await post('/rule-set/apply', { file: 'version: 1\nvirtualKeys: []', prune: true });
  expect(empty.body.data.changes).toEqual([]);
  const unknown = await post('/rule-set/apply', { file: 'version: 1\nvirtualKeys: [{ name: new }]' });
  expect(unknown.body.data.errors).toMatchObject([{ path: 'virtualKeys.0' }]);
});

it.each([
  ['version: 2', 'version'],
  ['version: 1\nnamespaces: [{ code: a, name: A, colour: red }]', 'namespaces.0.colour'],
  ['version: 1\npolicies: [{ name: p, rule: { kind: qps-limit, maxQps: 1, x: 1 } }]', 'policies.0.rule.x'],
  [
    'version: 1\npolicies: [{ name: p, namespace: none, rule: { kind: qps-limit, maxQps: 1 } }]',
    'policies.0.namespace',
  ],
  [
    'version: 1\npolicies: [{ name: p, scope: { tenant: x }, rule: { kind: qps-limit, maxQps: 1 } }]',
    'policies.0.scope.tenant',
  ],
  ['version: 1\npolicies: [{ name: p, rule: { kind: token-limit } }]', 'policies.0.rule'],
  ['version: 1\nnamespaces: [{ code: a, name: A }, { code: a, name: B }]', 'namespaces.1'],
  ['version: 1\nproviders: []', 'upstreams ups_'],
])('refuses %j and changes nothing', async (file, path) => {
  const before = newest();
  const refused = await post('/rule-set/apply', { file, prune: true });
  expect(refused.status).toBe(400);
  expect(refused.body.data.errors[0].path).toMatch(new RegExp(`^${path}`));
  expect(newest()).toBe(before);
});

it('refuses text that is no YAML, bombs of aliases, and a revision that has passed', async () => {
  const broken = await post('/rule-set/apply', { file: 'version: [1' });
  expect([broken.status, broken.body.message]).toEqual([400, expect.stringContaining('YAML')]);
  const lines = Array.from({ length: 9 }, (_, n) => `a${n + 1}: &a${n + 1} [${Array(9).fill(`*a${n}`).join(', ')}]`);
  expect((await post('/rule-set/diff', { file: ['a0: &a0 [x]', ...lines].join('\n') })).status).toBe(400);
  expect((await post('/rule-set/apply', { file: FILE, expectedRevision: newest() - 1 })).status).toBe(409);
  const stranger = await fetch(`${center.url}/api/v2/rule-set?format=yaml`);
  expect(stranger.status).toBe(401);
});
