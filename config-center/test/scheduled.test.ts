import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openStore } from '../src/db/store.ts';
import { publisher } from '../src/publish/publisher.ts';
import { type Scheduler, scheduler } from '../src/publish/scheduler.ts';
import { startConfigCenter } from './support/config-center.ts';
import { startMariadb } from './support/mariadb.ts';

let mariadb: Awaited<ReturnType<typeof startMariadb>>;
beforeAll(async () => {
  mariadb = await startMariadb();
}, 120_000);
afterAll(() => mariadb.stop());

const DATABASES = { SQLite: () => 'sqlite::memory:', MariaDB: () => mariadb.database('scheduled') };
const log = pino({ level: 'silent' });

describe.each(Object.entries(DATABASES))('scheduled changes on %s', (_, makeUrl) => {
  /** The clock of the config center; it stands still unless a test moves it. */
  let nowMs = Date.parse('2026-05-01T00:00:00Z');
  let center: Awaited<ReturnType<typeof startConfigCenter>>;
  let running: Scheduler;
  const now = () => new Date(nowMs).toISOString();
  const run = () => scheduler({ store: center.store, publisher: center.publisher, log, now });
  beforeAll(async () => {
    center = await startConfigCenter({ databaseUrl: await makeUrl(), nowMs: () => nowMs });
    running = run();
  });
  afterAll(async () => {
    running.stop();
    await center.close();
  });

  const call = (method: string, path: string, body?: unknown) => center.call(method, `/api/v2${path}`, body);
  const made = async (path: string, draft: object) => (await call('POST', path, draft)).body.data;
  const inSeconds = (seconds: number) => new Date(nowMs + seconds * 1000).toISOString();
  const schedule = (writes: readonly object[], effectiveFrom = inSeconds(60)) =>
    call('POST', '/scheduled', { effectiveFrom, writes });
  const entry = async (id: number) =>
    (await call('GET', '/scheduled?size=100')).body.data.items.find((row: { id: number }) => row.id === id);
  const ended = async (id: number, status: string) => {
    await vi.waitFor(async () => expect(await entry(id)).toMatchObject({ status }), { timeout: 30_000, interval: 20 });
    // It is to be read from the database a moment before the config center holds it.
    await center.publisher.refresh();
  };
  const rules = () => JSON.parse(center.publisher.current().body);

  it('are made at their time, not before, all writes in one revision, as who scheduled them', async () => {
    const namespace = await made('/namespaces', { code: 'later', name: 'Now' });
    const before = center.publisher.current().revision;
    const policy = { namespaceId: namespace.id, name: 'Later', rule: { kind: 'concurrency-limit', maxConcurrent: 3 } };
    const answer = await schedule([
      {
        action: 'update',
        resource: 'namespaces',
        id: namespace.id,
        draft: { code: 'later', name: 'Then', version: 1 },
      },
      { action: 'create', resource: 'policies', draft: policy },
    ]);
    expect(answer.status).toBe(201);
    const { id } = answer.body.data;
    expect(answer.body.data).toMatchObject({ status: 'pending', actor: 'automation', baseRevision: before });
    nowMs += 59_000;
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(await entry(id)).toMatchObject({ status: 'pending' });
    expect(center.publisher.current().revision).toBe(before);

    nowMs += 1_000;
    await ended(id, 'done');
    // What is committed is told a moment later.
    await vi.waitFor(() => expect(center.publisher.current().revision).toBe(before + 1), { timeout: 30_000 });
    expect(rules().namespaces).toMatchObject([{ name: 'Then' }]);
    expect(rules().policies).toMatchObject([{ name: 'Later' }]);
    const audit = (await call('GET', `/audit?rowId=${namespace.id}`)).body.data.items;
    expect(audit[0]).toMatchObject({ actor: 'automation', action: 'update', at: now(), after: { name: 'Then' } });
  });

  it('fail with the reason when they do not fit any more, change nothing, and are told to the audit log', async () => {
    const namespace = await made('/namespaces', { code: 'moved', name: 'A' });
    const draft = { code: 'moved', name: 'B', version: 1 };
    const { id } = (
      await schedule([
        { action: 'create', resource: 'namespaces', draft: { code: 'half', name: 'Half' } },
        { action: 'update', resource: 'namespaces', id: namespace.id, draft },
      ])
    ).body.data;
    await call('PUT', `/namespaces/${namespace.id}`, { code: 'moved', name: 'Meanwhile' });
    const before = center.publisher.current().revision;
    nowMs += 60_000;
    await ended(id, 'failed');
    expect((await entry(id)).reason).toContain('It has been changed meanwhile');
    expect(center.publisher.current().revision).toBe(before);
    expect(rules().namespaces.map(({ code }: { code: string }) => code)).not.toContain('half');
    const audit = (await call('GET', `/audit?kind=scheduled&rowId=${id}`)).body.data.items;
    expect(audit).toMatchObject([{ actor: 'scheduler', after: { status: 'failed' } }, { action: 'create' }]);
    expect(running.counts()).toEqual({ done: 1, failed: 1 });
  });

  it('can be cancelled while they wait, once', async () => {
    const { id } = (await schedule([{ action: 'create', resource: 'tenants', draft: { name: 'Never' } }])).body.data;
    expect((await call('GET', '/scheduled?status=pending')).body.data.items).toMatchObject([{ id }]);
    expect((await call('DELETE', `/scheduled/${id}`)).body.data).toMatchObject({ id, status: 'cancelled' });
    expect((await call('DELETE', `/scheduled/${id}`)).status).toBe(409);
    expect((await call('DELETE', '/scheduled/9999')).status).toBe(404);
    nowMs += 120_000;
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(rules().tenants).toEqual([]);
  });

  it('go back to a revision at their time', async () => {
    const { revision } = center.publisher.current();
    const { namespaces } = rules();
    await made('/tenants', { name: 'Goes' });
    const { id } = (await schedule([{ action: 'rollback', revision }])).body.data;
    nowMs += 60_000;
    await ended(id, 'done');
    expect(rules()).toMatchObject({ tenants: [], namespaces });
  });

  it('apply a file of rules at their time, as the rules are then', async () => {
    const file = 'version: 1\ntenants: [{ name: Filed }]';
    const { id } = (await schedule([{ action: 'apply', file }])).body.data;
    nowMs += 60_000;
    await ended(id, 'done');
    expect(rules().tenants).toMatchObject([{ name: 'Filed' }]);
    const { id: again } = (await schedule([{ action: 'apply', file: 'version: 1\ntenants: []', prune: true }])).body
      .data;
    nowMs += 60_000;
    await ended(again, 'done');
    expect(rules().tenants).toEqual([]);
    const wrong = await schedule([{ action: 'apply', file: 'version: 1\ntenants: [{ name: 5 }]' }]);
    expect(wrong.body.data.errors[0].path).toBe('writes.0.file.tenants.0.name');
  });

  it('are made when a config center starts after their time', async () => {
    running.stop();
    const { id } = (await schedule([{ action: 'create', resource: 'tenants', draft: { name: 'Missed' } }])).body.data;
    nowMs += 3_600_000;
    running = run();
    await ended(id, 'done');
    expect(rules().tenants).toMatchObject([{ name: 'Missed' }]);
  });

  it.each([
    ['in the past', 'effectiveFrom', { effectiveFrom: '2026-01-01T00:00:00Z' }],
    ['without a time', 'effectiveFrom', { effectiveFrom: 'soon' }],
    ['with a draft that is not valid', 'writes.0.draft.name', { writes: [{ name: '' }] }],
    ['of nothing', 'writes', { writes: [] }],
    ['of a resource that has a secret', 'writes.0.resource', { resource: 'virtualKeys' }],
  ])('are refused %s', async (__, path, fields: { effectiveFrom?: string; writes?: object[]; resource?: string }) => {
    const { effectiveFrom = inSeconds(60), writes = [{ name: 'T' }], resource = 'tenants' } = fields;
    const drafts = writes.map((draft) => ({ action: 'create', resource, draft }));
    const refused = await schedule(drafts, effectiveFrom);
    expect(refused.status).toBe(400);
    expect(refused.body.data.errors[0].path).toBe(path);
  });

  it('cannot go back to a revision that is not there', async () => {
    expect((await schedule([{ action: 'rollback', revision: 99_999 }])).status).toBe(404);
  });
});

it('are made by exactly one of several config centers', async () => {
  const url = await mariadb.database('exactly_once');
  const now = () => new Date().toISOString();
  const center = await startConfigCenter({ databaseUrl: url });
  const others = await Promise.all([openStore(url), openStore(url)]);
  const writes = [{ action: 'create', resource: 'tenants', draft: { name: 'Once' } }];
  const effectiveFrom = new Date(Date.now() + 1_500).toISOString();
  const { data } = (await center.call('POST', '/api/v2/scheduled', { effectiveFrom, writes })).body;
  const schedulers = [scheduler({ store: center.store, publisher: center.publisher, log, now })];
  for (const store of others) schedulers.push(scheduler({ store, publisher: await publisher(store, now), log, now }));
  const read = async () => (await center.call('GET', '/api/v2/scheduled')).body.data.items[0];
  await vi.waitFor(async () => expect(await read()).toMatchObject({ id: data.id, status: 'done' }), {
    timeout: 30_000,
  });
  await new Promise((resolve) => setTimeout(resolve, 600));
  for (const one of schedulers) one.stop();
  expect(schedulers.map((one) => one.counts()).reduce((sum, { done, failed }) => sum + done + failed, 0)).toBe(1);
  expect((await center.call('GET', '/api/v2/tenants')).body.data.total).toBe(1);
  for (const store of others) await store.close();
  await center.close();
}, 30_000);
