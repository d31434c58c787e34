import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUILT_IN } from '../src/auth/administrators.ts';
import { forgetUsage } from '../src/db/usage.ts';
import { requestLogIntake } from '../src/publish/request-log-intake.ts';
import { GATEWAY_TOKEN, startConfigCenter } from './support/config-center.ts';
import { startMariadb } from './support/mariadb.ts';
import { logRecord } from './support/request-log.ts';

let mariadb: Awaited<ReturnType<typeof startMariadb>>;
beforeAll(async () => {
  mariadb = await startMariadb();
}, 120_000);
afterAll(() => mariadb.stop());

const DATABASES = { SQLite: () => 'sqlite::memory:', MariaDB: () => mariadb.database('usage_report') };
/** On a whole hour, and not on a whole day. */
const AT = Date.parse('2026-03-01T22:00:00Z');
const HOUR_MS = 3_600_000;
const iso = (ms: number) => new Date(ms).toISOString();

describe.each(Object.entries(DATABASES))('usage on %s', (_, makeUrl) => {
  let center: Awaited<ReturnType<typeof startConfigCenter>>;
  const ids: Record<string, string> = {};
  beforeAll(async () => {
    center = await startConfigCenter({ databaseUrl: await makeUrl(), nowMs: () => AT + HOUR_MS / 2 });
    const make = async (name: string, path: string, draft: object) => {
      const { status, body } = await center.call('POST', `/api/v2/${path}`, draft);
      expect([path, status]).toEqual([path, 201]);
      ids[name] = body.data.id;
    };
    await make('provider', 'providers', { name: 'openai', models: ['gpt-*'] });
    await make('price', 'prices', {
      providerId: ids.provider,
      model: 'gpt-*',
      inputPerMillion: '2',
      outputPerMillion: '10',
    });
    await make('namespace', 'namespaces', { code: 'shop', name: 'Shop' });
    await make('ours', 'tenants', { name: 'Ours' });
    await make('theirs', 'tenants', { name: 'Theirs' });
    await make('key', 'virtual-keys', { name: '=phone,"1"', tenantId: ids.ours });
  });
  afterAll(() => center.close());

  const tell = async (records: readonly object[]) => {
    const headers = { authorization: `Bearer ${GATEWAY_TOKEN}` };
    expect((await center.call('POST', '/internal/v1/request-log', { records }, headers)).status).toBe(200);
  };
  const ask = (query: string, headers = {}) => center.call('GET', `/api/v2/usage?${query}`, undefined, headers);
  const usage = async (query: string) => {
    const { status, body } = await ask(query);
    expect([query, status, body.data.errors]).toEqual([query, 200, undefined]);
    return body.data;
  };

  it('counts each record once, also when it comes twice, in a batch or at two config centers at once', async () => {
    const one = logRecord({
      atMs: AT,
      providerId: ids.provider,
      resolvedModel: 'gpt-4',
      namespaceId: ids.namespace,
      virtualKeyId: ids.key,
      tenantId: ids.ours,
      inputTokens: 1_000,
      outputTokens: 100,
    });
    const batch = Array.from({ length: 150 }, (__, index) => ({ ...one, recordId: `r${index}` }));
    await tell([one, one]);
    await tell([one, ...batch.slice(0, 20)]);
    const other = requestLogIntake(center.store.connection, Date.now);
    await Promise.all([tell(batch), other(batch), tell(batch.slice(10)), other(batch.toReversed())]);
    const { items, totals } = await usage('groupBy=virtualKey,model');
    // 1,000 tokens at 2 and 100 at 10 per million are 0.003.
    const sums = { requests: 151, inputTokens: 151_000, outputTokens: 15_100, cost: '0.453', unpricedRequests: 0 };
    expect(totals).toMatchObject(sums);
    expect(items).toEqual([{ ...totals, virtualKeyId: ids.key, virtualKeyName: '=phone,"1"', model: 'gpt-4' }]);
  });

  it('keeps the cost of then when a price changes', async () => {
    const price = { providerId: ids.provider, model: 'gpt-*', inputPerMillion: '4', outputPerMillion: '20' };
    await center.call('PUT', `/api/v2/prices/${ids.price}`, price);
    expect((await usage('')).totals.cost).toBe('0.453');
    await tell([
      logRecord({ atMs: AT, providerId: ids.provider, resolvedModel: 'gpt-4', inputTokens: 1_000, outputTokens: 0 }),
      logRecord({ atMs: AT, providerId: ids.provider, resolvedModel: 'claude', inputTokens: 1_000, outputTokens: 0 }),
    ]);
    expect((await usage('')).totals).toMatchObject({ cost: '0.457', unpricedRequests: 1, requests: 153 });
  });

  it('tells refused, cut and failed requests apart, and keeps names that clients make up out of the models', async () => {
    const atMs = AT - 48 * HOUR_MS;
    const none = { inputTokens: 0, outputTokens: 0 };
    await tell([
      logRecord({ atMs, outcome: 'cut', resolvedModel: 'gpt-4' }),
      logRecord({ atMs, outcome: 'refused', status: 429, resolvedModel: 'gpt-x1', listedModel: 'gpt-*', ...none }),
      logRecord({ atMs, outcome: 'refused', status: 404, resolvedModel: 'made up', ...none }),
      ...(['upstream_failed', 'partial', 'crashed'] as const).map((outcome) =>
        logRecord({ atMs, outcome, resolvedModel: 'gpt-4', listedModel: 'gpt-4', ...none }),
      ),
    ]);
    const { items } = await usage(`groupBy=model&from=${iso(atMs)}&to=${iso(atMs + 1)}&sort=errors`);
    expect(items).toMatchObject([
      { model: 'gpt-4', requests: 4, cut: 1, errors: 3, refused: 0 },
      { requests: 1, refused: 1, errors: 0 },
      { model: 'gpt-*', requests: 1, refused: 1, errors: 0 },
    ]);
    expect(items[1].model).toBeUndefined();
  });

  it('sums by hours and days of UTC, in whole hours of a range whose end is left out', async () => {
    const from = AT - 20 * 24 * HOUR_MS;
    await tell([0, 1, HOUR_MS - 1, HOUR_MS, 3 * HOUR_MS].map((after) => logRecord({ atMs: from + after })));
    const hours = await usage(`groupBy=hour&from=${iso(from + 5)}&to=${iso(from + 2 * HOUR_MS)}`);
    expect([hours.from, hours.to]).toEqual([iso(from), iso(from + 2 * HOUR_MS)]);
    expect(hours.items).toMatchObject([
      { time: iso(from), requests: 3 },
      { time: iso(from + HOUR_MS), requests: 1 },
    ]);
    const days = await usage(`groupBy=day&from=${iso(from)}&to=${iso(from + 4 * HOUR_MS)}&order=desc`);
    expect(days.items).toMatchObject([
      { time: '2026-02-10T00:00:00.000Z', requests: 1 },
      { time: '2026-02-09T00:00:00.000Z', requests: 4 },
    ]);
    const nothing = await usage(`from=${iso(from - HOUR_MS)}&to=${iso(from)}`);
    expect(nothing).toMatchObject({ totals: { requests: 0, cost: '0' } });
  });

  it('sorts, limits and filters, with the totals of all that the filter leaves', async () => {
    const atMs = AT - 10 * 24 * HOUR_MS;
    await tell(
      Array.from({ length: 12 }, (__, index) =>
        logRecord({ atMs, resolvedModel: `m${index % 6}`, inputTokens: index, userId: index < 6 ? 'u1' : 'u2' }),
      ),
    );
    const range = `from=${iso(atMs)}&to=${iso(atMs + 1)}`;
    const top = await usage(`${range}&groupBy=model,user&sort=inputTokens&limit=2`);
    expect(top).toMatchObject({
      isTruncated: true,
      totals: { requests: 12, inputTokens: 66 },
      items: [
        { model: 'm5', userId: 'u2', inputTokens: 11 },
        { model: 'm4', userId: 'u2', inputTokens: 10 },
      ],
    });
    const some = await usage(`${range}&groupBy=model&userId=u1&model=m3`);
    expect(some).toMatchObject({ isTruncated: false, totals: { requests: 1 }, items: [{ model: 'm3' }] });
  });

  it.each([
    ['groupBy=colour', 'groupBy', /"colour" is not one of namespace, /],
    ['groupBy=hour,day', 'groupBy', /not both/],
    ['groupBy=model,model', 'groupBy', /once/],
    ['groupBy=model,user,tenant,provider,day', 'groupBy', /At most 4/],
    ['from=yesterday', 'from', /./],
    ['sort=colour', 'sort', /./],
    ['limit=10001', 'limit', /./],
    [`from=${iso(AT)}&to=${iso(AT)}`, 'from', /not before/],
    [`groupBy=hour&from=${iso(AT - 32 * 24 * HOUR_MS)}`, 'from', /31 days, the most by hour/],
    [`from=${iso(AT - 401 * 24 * HOUR_MS)}`, 'from', /400 days/],
  ])('refuses %s', async (query, path, message) => {
    const { status, body } = await ask(query);
    expect(status).toBe(400);
    expect(body.data.errors).toMatchObject([{ path, message: expect.stringMatching(message) }]);
  });

  it('answers as a table that no spreadsheet computes', async () => {
    const url = `${center.url}/api/v2/usage?groupBy=virtualKey,day&from=${iso(AT)}`;
    const { authorization } = { authorization: `Bearer ${await sessionOf(center, BUILT_IN)}` };
    for (const [query, accept] of [
      ['&format=csv', 'application/json'],
      ['', 'text/csv'],
    ]) {
      const response = await fetch(url + query, { headers: { authorization, accept: accept ?? '' } });
      expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8');
      const [names, ...lines] = (await response.text()).split('\r\n');
      expect(names).toBe(
        'virtualKeyId,virtualKeyName,time,requests,refused,cut,errors,inputTokens,outputTokens,cost,unpricedRequests',
      );
      expect(lines).toContain(`${ids.key},"'=phone,""1""",2026-03-01T00:00:00.000Z,151,0,0,0,151000,15100,0.453,0`);
    }
  });

  it('shows a tenant_admin its tenant alone, without cost and without names of what is hidden', async () => {
    await tell([logRecord({ atMs: AT, tenantId: ids.theirs, virtualKeyId: 'vk_theirs' })]);
    const { body } = await center.call('POST', '/api/v2/administrators', {
      name: 'theirs',
      role: 'tenant_admin',
      tenantId: ids.ours,
    });
    const headers = { authorization: `Bearer ${await sessionOf(center, body.data.id)}` };
    const { data } = (await ask('groupBy=tenant,virtualKey,namespace', headers)).body;
    expect(data.totals).toEqual({
      requests: 151,
      refused: 0,
      cut: 0,
      errors: 0,
      inputTokens: 151_000,
      outputTokens: 15_100,
    });
    expect(data.items).toEqual([
      {
        ...data.totals,
        tenantId: ids.ours,
        tenantName: 'Ours',
        virtualKeyId: ids.key,
        virtualKeyName: '=phone,"1"',
        namespaceId: ids.namespace,
      },
    ]);
    for (const query of [`tenantId=${ids.theirs}`, 'sort=cost']) expect((await ask(query, headers)).status).toBe(403);
  });

  it('is what the designs call it', async () => {
    expect((await center.call('GET', '/admin/metrics/summary')).body.data.totals.requests).toBeGreaterThan(150);
    const path = `/api/v1/namespaces/${ids.namespace}/usage`;
    expect((await center.call('GET', path)).body.data.totals.requests).toBe(151);
    expect((await center.call('GET', '/admin/logs/requests?size=3')).body.data.items).toHaveLength(3);
    const { items } = (await center.call('GET', '/admin/logs/operations?size=3')).body.data;
    expect(items).toMatchObject([{ actor: expect.any(String) }, {}, {}]);
  });

  it('adds money up exactly beyond what a double holds', async () => {
    const price = {
      providerId: ids.provider,
      model: 'gpt-*',
      inputPerMillion: '999999999.999999999',
      outputPerMillion: '0',
    };
    await center.call('PUT', `/api/v2/prices/${ids.price}`, price);
    const atMs = AT - 30 * HOUR_MS;
    const dear = { atMs, providerId: ids.provider, resolvedModel: 'gpt-4', inputTokens: 1_000_003, outputTokens: 0 };
    await tell([logRecord(dear)]);
    await tell([logRecord(dear), logRecord(dear)]);
    // Each is 1,000,003 × 999,999,999.999999999 / 1,000,000, rounded up to a nano.
    expect((await usage(`from=${iso(atMs)}&to=${iso(atMs + 1)}`)).totals.cost).toBe('3000008999.999999997');
  });

  it('forgets hours that are wholly before an instant, whatever becomes of the log', async () => {
    await center.store.connection.deleteFrom('request_log').execute();
    expect((await usage(`from=${iso(AT)}`)).totals.requests).toBe(154);
    await forgetUsage(center.store.connection, AT + HOUR_MS - 1);
    expect((await usage(`from=${iso(AT - 60 * HOUR_MS)}`)).totals.requests).toBe(154);
    await forgetUsage(center.store.connection, AT + HOUR_MS);
    expect((await usage(`from=${iso(AT - 60 * HOUR_MS)}`)).totals.requests).toBe(0);
  });
});

async function sessionOf(center: Awaited<ReturnType<typeof startConfigCenter>>, administratorId: string) {
  return (await center.access.logIn({ administratorId, method: 'key', address: '' })).secret;
}
