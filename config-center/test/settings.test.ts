import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUILT_IN } from '../src/auth/administrators.ts';
import { recordAudit } from '../src/db/audit.ts';
import { liveSettings } from '../src/db/operator-settings.ts';
import { forgetOld } from '../src/db/retention.ts';
import { ADMIN_TOKEN, GATEWAY_TOKEN, startConfigCenter } from './support/config-center.ts';
import { startMariadb } from './support/mariadb.ts';
import { logRecord } from './support/request-log.ts';

let mariadb: Awaited<ReturnType<typeof startMariadb>>;
beforeAll(async () => {
  mariadb = await startMariadb();
}, 120_000);
afterAll(() => mariadb.stop());

const DATABASES = { SQLite: () => 'sqlite::memory:', MariaDB: () => mariadb.database('settings') };
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const START = Date.parse('2026-03-10T12:00:00Z');

describe.each(Object.entries(DATABASES))('settings on %s', (_, makeUrl) => {
  let center: Awaited<ReturnType<typeof startConfigCenter>>;
  let nowMs = START;
  beforeAll(async () => {
    center = await startConfigCenter({ databaseUrl: await makeUrl(), nowMs: () => nowMs });
  });
  afterAll(() => center.close());

  const change = (body: object) => center.call('PATCH', '/api/v2/settings', body);
  const values = async () => (await center.call('GET', '/api/v2/settings')).body.data.values;
  const logIn = async (method: 'key' | 'password') =>
    (await center.access.logIn({ administratorId: BUILT_IN, method, address: '' })).secret;
  const isIn = async (secret: string) => (await center.access.sessions.find(secret)) !== undefined;

  it('are the defaults until they are changed, one by one, and again when they are set to null', async () => {
    const defaults = {
      requestLogDays: 7,
      usageDays: 400,
      auditDays: 365,
      sessionHours: 12,
      sessionIdleMinutes: 30,
      loginCodeSeconds: 60,
    };
    expect((await center.call('GET', '/api/v2/settings')).body.data).toEqual({ values: defaults, defaults });
    const changed = await change({ requestLogDays: 3, sessionHours: 1 });
    expect(changed.body.data).toEqual({ values: { ...defaults, requestLogDays: 3, sessionHours: 1 }, defaults });
    expect((await change({ requestLogDays: null })).body.data.values).toEqual({ ...defaults, sessionHours: 1 });
    expect((await change({ sessionHours: null })).body.data.values).toEqual(defaults);
  });

  it('are told to the audit log when something has changed', async () => {
    await change({ usageDays: 30, auditDays: 365 });
    await change({ usageDays: 30 });
    const { items } = (await center.call('GET', '/api/v2/audit?kind=settings')).body.data;
    expect(items).toHaveLength(4);
    expect(items[0]).toMatchObject({
      actor: 'automation',
      action: 'update',
      before: { usageDays: 400 },
      after: { usageDays: 30 },
    });
    expect(Object.keys(items[0].after)).toEqual(['usageDays']);
    await change({ usageDays: null });
  });

  it.each([
    [{ requestLogDays: 0 }, 'requestLogDays'],
    [{ sessionHours: 1.5 }, 'sessionHours'],
    [{ sessionIdleMinutes: '30' }, 'sessionIdleMinutes'],
    [{ auditDays: 5, colour: 1 }, 'colour'],
  ])('refuses %j whole', async (body, path) => {
    const before = await values();
    expect(await change(body)).toMatchObject({ status: 400, body: { data: { errors: [{ path }] } } });
    expect(await values()).toEqual(before);
  });

  it('reach other config centers when they look, and one that was edited by hand counts only if it is valid', async () => {
    const other = await liveSettings(center.store, center.liveSettings.defaults);
    await change({ loginCodeSeconds: 90 });
    expect(other.current().loginCodeSeconds).toBe(60);
    await other.refresh();
    expect(other.current().loginCodeSeconds).toBe(90);
    await center.store.connection.updateTable('setting').set({ value: 'soon' }).execute();
    await other.refresh();
    expect(other.current().loginCodeSeconds).toBe(60);
  });

  it('end sessions that are open, too', async () => {
    await change({ sessionHours: 24, sessionIdleMinutes: 60 });
    const [idle, kept] = [await logIn('password'), await logIn('key')];
    nowMs += 59 * MINUTE_MS;
    expect([await isIn(idle), await isIn(kept)]).toEqual([true, true]);
    await change({ sessionIdleMinutes: 30 });
    nowMs += 31 * MINUTE_MS;
    expect([await isIn(idle), await isIn(kept)]).toEqual([false, true]);
    nowMs += 21 * HOUR_MS;
    expect(await isIn(kept)).toBe(true);
    await change({ sessionHours: 20 });
    expect(await isIn(kept)).toBe(false);
  });

  it('give codes for other devices their time, unless one is asked for', async () => {
    await change({ loginCodeSeconds: 300 });
    const headers = { authorization: `Bearer ${await logIn('key')}` };
    const secondsOf = async (body: object) => {
      const { data } = (await center.call('POST', '/api/v2/session/codes', body, headers)).body;
      return (Date.parse(data.expiresAt) - nowMs) / 1_000;
    };
    expect(await secondsOf({})).toBe(300);
    nowMs += 6_000;
    expect(await secondsOf({ ttlSeconds: 20 })).toBe(20);
  });

  it('say how long the log, the usage and the audit log go back', async () => {
    const records = [1, 2, 3, 4].map((day) =>
      logRecord({ atMs: nowMs - day * DAY_MS - HOUR_MS, requestId: `d${day}` }),
    );
    const headers = { authorization: `Bearer ${GATEWAY_TOKEN}` };
    await center.call('POST', '/internal/v1/request-log', { records }, headers);
    for (const day of [1, 2, 3, 4]) {
      const entry = { actor: 'x', action: 'update', kind: 'old', rowId: String(day) } as const;
      await recordAudit(center.store.connection, { ...entry, at: new Date(nowMs - day * DAY_MS - 1).toISOString() });
    }
    await change({ requestLogDays: 2, usageDays: 3, auditDays: 4 });
    await forgetOld(center.store.connection, center.liveSettings.current(), nowMs);
    const listed = async (path: string) => (await center.call('GET', `/api/v2/${path}`)).body.data.items;
    expect((await listed('request-logs')).map(({ requestId }: { requestId: string }) => requestId)).toEqual(['d1']);
    const from = new Date(nowMs - 10 * DAY_MS).toISOString();
    expect(await listed(`usage?groupBy=day&from=${from}`)).toHaveLength(2);
    expect(await listed('audit?kind=old')).toHaveLength(3);
  });
});

it('are for superadmins to change, and for readers to see', async () => {
  const center = await startConfigCenter();
  const { data } = (await center.call('POST', '/api/v2/administrators', { name: 'op', role: 'operator' })).body;
  const secret = (await center.access.logIn({ administratorId: data.id, method: 'key', address: '' })).secret;
  const call = (method: string, token: string, body?: object) =>
    center.call(method, '/api/v2/settings', body, { authorization: `Bearer ${token}` });
  expect((await call('GET', secret)).status).toBe(200);
  expect((await call('PATCH', secret, { auditDays: 1 })).status).toBe(403);
  expect((await call('PATCH', ADMIN_TOKEN, { auditDays: 1 })).status).toBe(200);
  await center.close();
});
