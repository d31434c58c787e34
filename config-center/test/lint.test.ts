import { afterAll, beforeAll, expect, it } from 'vitest';
import { startConfigCenter } from './support/config-center.ts';

let center: Awaited<ReturnType<typeof startConfigCenter>>;
beforeAll(async () => {
  center = await startConfigCenter();
});
afterAll(() => center.close());

const call = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  center.call(method, `/api/v2${path}`, body, headers);
const window = (maxTokens: number) => ({ kind: 'token-limit', windows: [{ windowSeconds: 60, maxTokens }] });

it('refuses a limit that no request can pass, and warns of what is only doubtful', async () => {
  const refused = await call('POST', '/policies', { name: 'none', rule: window(1) });
  expect([refused.status, refused.body.data.errors[0].path]).toEqual([400, 'rule.windows.0.maxTokens']);
  await call('POST', '/policies', { name: 'small', rule: window(500) });
  const { body } = await call('GET', '/lint');
  expect(body.data.findings).toMatchObject([
    { severity: 'warning', rule: 'window-below-typical-request', kind: 'policies', name: 'small' },
  ]);
  const file = { version: 1, policies: [{ name: 'none', rule: window(1) }] };
  const unsafe = await call('POST', '/rule-set/apply', { file });
  expect([unsafe.status, unsafe.body.data.errors[0].path]).toEqual([400, 'policies "none" rule.windows.0.maxTokens']);
  const doubtful = { version: 1, namespaces: [{ code: 'lonely', name: 'Lonely' }] };
  const shown = await call('POST', '/rule-set/diff', { file: doubtful });
  expect(shown.body.data.findings).toMatchObject([{ rule: 'namespace-without-matcher', name: 'lonely' }]);
});

it('lets a row with an old error be changed otherwise', async () => {
  const { body } = await call('POST', '/policies', { name: 'old', rule: window(500) });
  const { id } = body.data;
  await center.store.connection
    .updateTable('policy')
    .set({ rule: JSON.stringify(window(1)) })
    .where('id', '=', id)
    .execute();
  expect((await call('PUT', `/policies/${id}`, { name: 'renamed', rule: window(1) })).status).toBe(200);
  const { findings } = (await call('GET', '/lint')).body.data;
  expect(findings[0]).toMatchObject({ severity: 'error', rule: 'limit-impossible', id });
});

it('answers a save with what is doubtful about the row, and about others by it', async () => {
  const made = async (path: string, draft: object) => (await call('POST', path, draft)).body.data;
  const rules = (data: { warnings?: readonly { rule: string }[] }) => data.warnings?.map(({ rule }) => rule);
  const namespace = await made('/namespaces', { code: 'warned', name: 'Warned' });
  expect(rules(namespace)).toEqual(['namespace-without-matcher']);
  const condition = { namespaceId: namespace.id, source: 'header', field: 'X-Channel', operator: 'equals', value: 'w' };
  const matcher = await made('/matchers', condition);
  expect(matcher).not.toHaveProperty('warnings');
  const policy = await made('/policies', { namespaceId: namespace.id, name: 'tight', rule: window(900) });
  expect(policy.warnings).toMatchObject([{ rule: 'window-below-typical-request', id: policy.id, name: 'tight' }]);
  const again = await call('PUT', `/policies/${policy.id}`, {
    namespaceId: namespace.id,
    name: 'x',
    rule: window(900),
  });
  expect(rules(again.body.data)).toEqual(['window-below-typical-request']);
  const sound = await call('PUT', `/policies/${policy.id}`, {
    namespaceId: namespace.id,
    name: 'x',
    rule: window(5000),
  });
  expect(sound.body.data).not.toHaveProperty('warnings');

  const dead = await made('/matchers', { ...condition, operator: 'regex', value: 'a^' });
  expect(rules(dead)).toEqual(['pattern-never-matches']);
  await call('DELETE', `/matchers/${dead.id}`);
  const { body } = await call('DELETE', `/matchers/${matcher.id}`);
  expect(body.data.warnings).toMatchObject([{ rule: 'namespace-without-matcher', id: namespace.id }]);
});

it('tells a tenant nothing about the rules of others', async () => {
  const tenantId = (await call('POST', '/tenants', { name: 'Ours' })).body.data.id;
  const { id } = (await call('POST', '/administrators', { name: 'theirs', role: 'tenant_admin', tenantId })).body.data;
  const { secret } = await center.access.logIn({ administratorId: id, method: 'key', address: '' });
  const key = (await call('POST', '/virtual-keys', { name: 'phone', tenantId })).body.data;
  await call('POST', '/policies', { name: 'of phones', scope: { virtualKeyId: key.id }, rule: window(5000) });
  const off = (headers?: Record<string, string>) => call('POST', `/virtual-keys/${key.id}/deactivate`, {}, headers);
  expect((await off({ authorization: `Bearer ${secret}` })).body.data).not.toHaveProperty('warnings');
  await call('POST', `/virtual-keys/${key.id}/activate`, {});
  expect((await off()).body.data.warnings).toMatchObject([{ rule: 'policy-never-applies', name: 'of phones' }]);
});

it('takes the version of an update from If-Match, too', async () => {
  const { body } = await call('POST', '/namespaces', { code: 'shop', name: 'Shop' });
  const put = (version: string) =>
    call('PUT', `/namespaces/${body.data.id}`, { code: 'shop', name: 'New' }, { 'if-match': version });
  expect((await put('"1"')).body.data.version).toBe(2);
  const outdated = await put('"1"');
  expect([outdated.status, outdated.body.data.current.version]).toEqual([409, 2]);
  expect([(await put('*')).status, (await put('soon')).status]).toEqual([200, 400]);
});
