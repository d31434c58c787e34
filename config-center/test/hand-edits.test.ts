import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { snapshotShape } from '@ai-gateway/contracts';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { watchEdits } from '../src/publish/watch-edits.ts';
import { startConfigCenter } from './support/config-center.ts';
import { startMariadb } from './support/mariadb.ts';

const folder = mkdtempSync(join(tmpdir(), 'hand-edits-'));
let mariadb: Awaited<ReturnType<typeof startMariadb>>;
beforeAll(async () => {
  mariadb = await startMariadb();
}, 120_000);
afterAll(async () => {
  await mariadb.stop();
  rmSync(folder, { recursive: true });
});

const PLACES = {
  SQLite: async () => {
    const path = join(folder, 'edited.db');
    const edit = (statement: string) => {
      const database = new DatabaseSync(path);
      database.exec(`pragma busy_timeout = 5000; pragma foreign_keys = off; ${statement}`);
      database.close();
    };
    return { databaseUrl: `sqlite:${path}`, edit };
  },
  MariaDB: async () => {
    const databaseUrl = await mariadb.database('edited');
    const edit = (statement: string) =>
      mariadb.query(`set statement foreign_key_checks = 0 for ${statement}`, 'edited');
    return { databaseUrl, edit };
  },
};

describe.each(Object.entries(PLACES))('rows edited by hand in %s', (_, makePlace) => {
  let center: Awaited<ReturnType<typeof startConfigCenter>>;
  let edit: (statement: string) => unknown;
  let watching: ReturnType<typeof watchEdits>;
  const lines: string[] = [];
  let id: string;
  beforeAll(async () => {
    const place = await makePlace();
    ({ edit } = place);
    center = await startConfigCenter(place);
    watching = watchEdits(center.publisher, pino({ level: 'info' }, { write: (line) => void lines.push(line) }));
    id = (await center.call('POST', '/api/v2/namespaces', { code: 'hand', name: 'Hand' })).body.data.id;
  });
  afterAll(async () => {
    watching.stop();
    await center.close();
  });

  const live = () => snapshotShape.parse(JSON.parse(center.publisher.current().body));
  const nameOf = () => live().namespaces.find((each) => each.id === id)?.name;
  const soon = (check: () => unknown) => vi.waitFor(check, { timeout: 10_000, interval: 50 });
  const told = async () => (await center.call('GET', '/api/v2/audit?actor=sql&size=100')).body.data.items;

  it('are live within three seconds, and told to the audit log', async () => {
    await edit(`update namespace set name = 'by hand' where id = '${id}'`);
    await soon(() => expect(nameOf()).toBe('by hand'));
    expect(await told()).toMatchObject([
      { kind: 'namespace', rowId: id, action: 'update', before: { name: 'Hand' }, after: { name: 'by hand' } },
    ]);
    const stale = await center.call('PUT', `/api/v2/namespaces/${id}`, { code: 'hand', name: 'x', version: 1 });
    expect(stale.status).toBe(409);
  });

  it('also when they are made and removed', async () => {
    await edit(`insert into tenant (id, name, created_at, updated_at)
      values ('t1', 'Acme', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z')`);
    await soon(() => expect(live().tenants.map(({ name }) => name)).toEqual(['Acme']));
    await edit(`delete from tenant where id = 't1'`);
    await soon(() => expect(live().tenants).toEqual([]));
    expect((await told()).slice(0, 2)).toMatchObject([{ action: 'delete' }, { action: 'create', rowId: 't1' }]);
  });

  it('are told apart from a change through the API at the same time', async () => {
    await edit(`update namespace set description = 'just before' where id = '${id}'`);
    const { body } = await center.call('POST', '/api/v2/tenants', { name: 'by API' });
    expect((await told())[0]).toMatchObject({ rowId: id, after: { description: 'just before' } });
    const { data } = (await center.call('GET', `/api/v2/audit?rowId=${body.data.id}`)).body;
    expect(data.items).toMatchObject([{ actor: 'automation', action: 'create' }]);
  });

  it.each([
    ['authMode', "auth_mode = 'nonsense'", "auth_mode = 'key'"],
    ['name', "name = ''", "name = 'by hand'"],
  ])(
    'are refused when %s is not valid, while the last good row and other changes stay live',
    async (field, bad, good) => {
      const before = live().namespaces;
      await edit(`update namespace set ${bad} where id = '${id}'`);
      const refused = async () => (await center.call('GET', '/api/v2/gateways')).body.data.refusedRows;
      await vi.waitFor(async () => expect(await refused()).toMatchObject([{ kind: 'namespace', id, field }]), 3_000);
      await center.call('POST', '/api/v2/tenants', { name: `while ${field}` });
      expect(live().namespaces).toEqual(before);
      expect(live().tenants.map(({ name }) => name)).toContain(`while ${field}`);
      await vi.waitFor(() => expect(lines.some((line) => line.includes(id) && line.includes(field))).toBe(true), 3_000);
      expect(await (await fetch(`${center.url}/metrics`)).text()).toContain('config_center_refused_rows 1');
      await edit(`update namespace set ${good} where id = '${id}'`);
      await vi.waitFor(async () => expect(await refused()).toEqual([]), 3_000);
    },
  );

  it('are refused when their JSON is broken or names nothing', async () => {
    const policy = { namespaceId: id, name: 'p', rule: { kind: 'qps-limit', maxQps: 5 } };
    const { data } = (await center.call('POST', '/api/v2/policies', policy)).body;
    for (const bad of [`rule = '{'`, `rule = '{"kind":"qps-limit","maxQps":-1}'`, `namespace_id = 'nowhere'`]) {
      await edit(`update policy set ${bad} where id = '${data.id}'`);
      await soon(() => expect(center.publisher.refusedRows()).toMatchObject([{ kind: 'policy', id: data.id }]));
      expect(live().policies).toMatchObject([policy]);
      await edit(`update policy set rule = '${JSON.stringify(policy.rule)}', namespace_id = '${id}'`);
      await soon(() => expect(center.publisher.refusedRows()).toEqual([]));
    }
  });

  it('make no revision when nothing has changed', async () => {
    const { revision } = center.publisher.current();
    await edit(`update namespace set name = name where id = '${id}'`);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(center.publisher.current().revision).toBe(revision);
  });
});
