import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  locationShape,
  modelShape,
  namespaceShape,
  redirectShape,
  userShape,
  virtualKeyShape,
} from '@ai-gateway/contracts';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../src/db/store.ts';
import { publisher } from '../src/publish/publisher.ts';
import { readRules } from '../src/publish/revision-rows.ts';
import { startMariadb } from './support/mariadb.ts';

const AT = '2026-01-01T00:00:00.000Z';
const folder = mkdtempSync(join(tmpdir(), 'models-'));
let mariadb: Awaited<ReturnType<typeof startMariadb>>;
beforeAll(async () => {
  mariadb = await startMariadb();
}, 120_000);
afterAll(async () => {
  await mariadb.stop();
  rmSync(folder, { recursive: true });
});

const ADDED = [
  ['namespace', ['allowed_models', 'denied_models', 'default_provider_id', 'default_upstream_id']],
  ['virtual_key', ['allowed_models', 'user_id', 'status_reason', 'previous_secret_hash', 'previous_until']],
] as const;

describe.each([
  ['SQLite', (name: string) => `sqlite:${join(folder, `${name}.db`)}`],
  ['MariaDB', (name: string) => mariadb.database(name)],
])('on %s', (_, makeUrl) => {
  it('rows come back as they were given', async () => {
    const store = await openStore(await makeUrl('given'));
    const stamps = { version: 1, createdAt: AT, updatedAt: AT };
    const model = modelShape.parse({
      id: 'm',
      providerId: 'p',
      name: 'a',
      aliases: ['b'],
      contextTokens: 1_000_000_000,
    });
    const redirect = redirectShape.parse({ id: 'r', namespaceId: 'n', model: 'a*', target: 'b*' });
    const addHeaders = { 'x-a': 'b' };
    const location = locationShape.parse({ id: 'l', path: '/a', isRegex: true, addHeaders, onUnsupported: 'drop_all' });
    const namespace = namespaceShape.parse({ id: 'n', code: 'n', name: 'n', onUnsupported: 'refuse' });
    const user = userShape.parse({ id: 'u', name: 'Ada', email: 'ada@example.com', status: 'overdue' });
    await store.insert('model', model, AT);
    await store.insert('redirect', redirect, AT);
    await store.insert('location', location, AT);
    await store.insert('namespace', namespace, AT);
    await store.insert('end_user', user, AT);
    expect(await store.read('model', 'm')).toEqual({ ...model, ...stamps });
    expect(await store.read('redirect', 'r')).toEqual({ ...redirect, ...stamps });
    expect(await store.read('location', 'l')).toEqual({ ...location, ...stamps });
    expect(await store.read('namespace', 'n')).toEqual({ ...namespace, ...stamps });
    expect(await store.read('end_user', 'u')).toEqual({ ...user, ...stamps });
    await store.close();
  });

  it('an older database gets the new columns, and nobody is said to have edited its rows', async () => {
    const url = await makeUrl('older');
    const older = await openStore(url);
    await older.insert('namespace', namespaceShape.parse({ id: 'n', code: 'n', name: 'n' }), AT);
    const key = { id: 'k', name: 'k', prefix: 'vk_', secretHash: 'a'.repeat(64) };
    await older.insert('virtual_key', virtualKeyShape.parse(key), AT);
    await publisher(older, () => AT);
    await undoMigration(older);
    await older.close();

    const store = await openStore(url);
    expect(await store.read('namespace', 'n')).toMatchObject({ version: 1, allowedModels: [], deniedModels: [] });
    expect(await store.read('virtual_key', 'k')).toMatchObject({ version: 1, allowedModels: [] });
    const published = await publisher(store, () => AT);
    await published.lookForEdits();
    expect(published.refusedRows()).toEqual([]);
    expect((await store.read('namespace', 'n'))?.version).toBe(1);
    const { rows } =
      await sql`select id from audit where actor = 'sql' and kind in ('namespace', 'virtual_key') and action = 'update'`.execute(
        store.connection,
      );
    expect(rows).toEqual([]);
    await store.close();
  });
});

/** Leaves a database as a release before this one left it, with a revision that does not know the new fields. */
async function undoMigration({ connection }: Awaited<ReturnType<typeof openStore>>): Promise<void> {
  for (const [table, columns] of ADDED) {
    for (const column of columns) await sql.raw(`alter table ${table} drop column ${column}`).execute(connection);
  }
  for (const table of ['model', 'redirect', 'location', 'end_user'])
    await sql.raw(`drop table ${table}`).execute(connection);
  await sql`delete from kysely_migration where name >= '0009-models'`.execute(connection);
  const row = await connection.selectFrom('revision').selectAll().orderBy('revision', 'desc').executeTakeFirstOrThrow();
  const found = await readRules(connection, Number(row.revision));
  const content: Record<string, readonly Record<string, unknown>[]> = Object.fromEntries(
    (found?.lists ?? []).map(({ name, rows }) => [name, rows]),
  );
  const known = ({ allowedModels: _, deniedModels: __, ...rest }: Record<string, unknown>) => rest;
  const { models: _, redirects: __, locations: ___, users: ____, ...older } = content;
  const before = JSON.stringify({
    ...older,
    namespaces: older.namespaces?.map(known),
    virtualKeys: older.virtualKeys?.map(known),
  });
  await connection
    .updateTable('revision')
    .set({ content: before, packed: null, delta: null, fingerprint: null, sha256: 'older' })
    .execute();
}
