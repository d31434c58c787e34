import { randomUUID } from 'node:crypto';
import { REQUEST_LOG_STREAM, type RequestLogRecord } from '@ai-gateway/contracts';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../../gateway/test/support/redis.ts';
import { forgetRequestLog } from '../src/db/request-log.ts';
import { openRedis } from '../src/publish/redis.ts';
import { requestLogInRedis } from '../src/publish/request-log-in-redis.ts';
import { requestLogIntake } from '../src/publish/request-log-intake.ts';
import { GATEWAY_TOKEN, startConfigCenter } from './support/config-center.ts';
import { startMariadb } from './support/mariadb.ts';
import { logRecord } from './support/request-log.ts';

let mariadb: Awaited<ReturnType<typeof startMariadb>>;
beforeAll(async () => {
  mariadb = await startMariadb();
}, 120_000);
afterAll(() => mariadb.stop());

const DATABASES = { SQLite: () => 'sqlite::memory:', MariaDB: () => mariadb.database('request_log') };
const AT = Date.parse('2026-03-01T12:00:00Z');

describe.each(Object.entries(DATABASES))('the request log on %s', (_, makeUrl) => {
  let center: Awaited<ReturnType<typeof startConfigCenter>>;
  beforeAll(async () => {
    center = await startConfigCenter({ databaseUrl: await makeUrl() });
  });
  afterAll(() => center.close());

  const tell = (records: readonly object[], token = GATEWAY_TOKEN) =>
    center.call('POST', '/internal/v1/request-log', { records }, { authorization: `Bearer ${token}` });
  const list = async (query: string) => (await center.call('GET', `/api/v2/request-logs?${query}`)).body.data;
  const idsOf = (page: { items: RequestLogRecord[] }) => page.items.map(({ requestId }) => requestId);

  it('keeps a record that is told twice once, and gives back what it was given', async () => {
    const record = logRecord({
      atMs: AT,
      requestId: 'twice',
      matched: { headers: { 'x-a': 'b' }, query: {}, body: {} },
    });
    expect((await tell([record])).status).toBe(200);
    expect((await tell([record, logRecord({ atMs: AT, requestId: 'once' })])).status).toBe(200);
    expect((await list('requestId=twice')).items).toEqual([record]);
    expect((await list('')).items).toHaveLength(2);
  });

  it('takes records only from gateways, and only sound ones', async () => {
    expect((await tell([logRecord({ atMs: AT })], 'x'.repeat(40))).status).toBe(401);
    const refused = await tell([{ ...logRecord({ atMs: AT }), status: 'many' }]);
    expect(refused).toMatchObject({ status: 400, body: { message: expect.stringContaining('records.0.status') } });
  });

  it('pages by keyset, also where many came in one millisecond, while newer ones arrive', async () => {
    const from = AT + 1_000_000;
    const records = Array.from({ length: 57 }, (__, index) =>
      logRecord({ atMs: from + Math.floor(index / 20), requestId: `p${String(index).padStart(2, '0')}` }),
    );
    await tell(records);
    const range = `from=${new Date(from).toISOString()}&to=${new Date(from + 10).toISOString()}&size=10`;
    const seen: string[] = [];
    let page = await list(range);
    for (;;) {
      seen.push(...idsOf(page));
      if (page.cursor === undefined) break;
      await tell([logRecord({ atMs: from + 9, requestId: `new${seen.length}` })]);
      page = await list(`${range}&cursor=${page.cursor}`);
    }
    expect(seen).toEqual(records.map(({ requestId }) => requestId).reverse());
    expect((await center.call('GET', '/api/v2/request-logs?cursor=abc')).status).toBe(400);
  });

  it('filters by namespace, key, model, status and outcome', async () => {
    const atMs = AT + 5_000_000;
    await tell([
      logRecord({ atMs, requestId: 'f1', namespaceId: 'other', virtualKeyId: 'vk_1' }),
      logRecord({ atMs, requestId: 'f2', resolvedModel: 'large', status: 429, outcome: 'refused' }),
    ]);
    for (const [query, id] of [
      ['namespaceId=other', 'f1'],
      ['virtualKeyId=vk_1', 'f1'],
      ['model=large', 'f2'],
      ['status=429', 'f2'],
      ['outcome=refused', 'f2'],
    ])
      expect([query, idsOf(await list(query ?? ''))]).toEqual([query, [id]]);
    expect((await center.call('GET', '/api/v2/request-logs?outcome=maybe')).status).toBe(400);
  });

  it('forgets what is older than the retention, and nothing else', async () => {
    const old = Array.from({ length: 2_300 }, () => logRecord({ atMs: AT - 9_000_000 }));
    for (let from = 0; from < old.length; from += 200) await tell(old.slice(from, from + 200));
    await forgetRequestLog(center.store.connection, AT - 8_999_999);
    expect((await list(`to=${new Date(AT - 1).toISOString()}`)).items).toEqual([]);
    expect(idsOf(await list('requestId=twice'))).toEqual(['twice']);
  });
});

describe('records over Redis', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.close());

  const eventually = async (holds: () => Promise<boolean>) => {
    const deadline = performance.now() + 10_000;
    while (!(await holds())) {
      if (performance.now() > deadline) throw new Error('it did not come true');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };

  it('are taken once by one of two config centers, survive a database that is away, and leave nothing behind', async () => {
    const center = await startConfigCenter();
    const log = pino({ level: 'silent' });
    let isAway = true;
    const real = requestLogIntake(center.store.connection, Date.now);
    const intake = Object.assign(
      async (records: readonly RequestLogRecord[]) => {
        if (isAway) throw new Error('away');
        await real(records);
      },
      { totals: real.totals },
    );
    const readers = [1, 2].map(() => {
      const client = openRedis(new URL(redis.url), false, log);
      const reading = requestLogInRedis({ client, intake, log, claimMs: 300 });
      return () => {
        reading.close();
        client.disconnect();
      };
    });
    const client = redis.client();
    const records = Array.from({ length: 30 }, () => logRecord({ atMs: AT, requestId: randomUUID() }));
    for (const record of records) {
      await client.xadd(REQUEST_LOG_STREAM, '*', 'batch', JSON.stringify({ records: [record] }));
    }
    await client.xadd(REQUEST_LOG_STREAM, '*', 'batch', 'no JSON');
    await new Promise((resolve) => setTimeout(resolve, 800));
    expect(await client.xlen(REQUEST_LOG_STREAM)).toBeGreaterThanOrEqual(30);

    isAway = false;
    await eventually(async () => (await client.xlen(REQUEST_LOG_STREAM)) === 0);
    const { body } = await center.call('GET', '/api/v2/request-logs?size=100');
    expect(body.data.items).toHaveLength(30);
    // A Redis that was wiped has no group any more.
    await client.flushall();
    await client.xadd(REQUEST_LOG_STREAM, '*', 'batch', JSON.stringify({ records: [logRecord({ atMs: AT })] }));
    await eventually(
      async () => (await center.call('GET', '/api/v2/request-logs?size=100')).body.data.items.length === 31,
    );
    for (const close of readers) close();
    await center.close();
  });
});
