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

it('takes the version of an update from If-Match, too', async () => {
  const { body } = await call('POST', '/namespaces', { code: 'shop', name: 'Shop' });
  const put = (version: string) =>
    call('PUT', `/namespaces/${body.data.id}`, { code: 'shop', name: 'New' }, { 'if-match': version });
  expect((await put('"1"')).body.data.version).toBe(2);
  const outdated = await put('"1"');
  expect([outdated.status, outdated.body.data.current.version]).toEqual([409, 2]);
  expect([(await put('*')).status, (await put('soon')).status]).toEqual([200, 400]);
});
