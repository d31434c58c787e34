import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { migrations } from './migrations.ts';
import { nodeSqliteDialect } from './node-sqlite.ts';
import { openStore } from './store.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'store-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

// A first start that was killed between two CREATE TABLE left a database that no later start could open.
it('completes a schema that a broken-off start left half made', async () => {
  const path = join(folder, 'c.db');
  await (await openStore(`sqlite:${path}`)).close();
  const database = new DatabaseSync(path);
  database.exec('PRAGMA foreign_keys = OFF');
  const tables = database.prepare("select name from sqlite_master where type = 'table'").all();
  for (const { name } of tables)
    if (name !== 'matcher' && !String(name).startsWith('sqlite_')) database.exec(`DROP TABLE "${name}"`);
  database.close();
  const store = await openStore(`sqlite:${path}`);
  expect(await store.connection.selectFrom('administrator_session').selectAll().execute()).toEqual([]);
  await store.close();
});

it('takes the policies of the first schema along', async () => {
  const path = join(folder, 'old.db');
  const database = new DatabaseSync(path);
  database.exec(`
    CREATE TABLE kysely_migration (name varchar(255) not null primary key, timestamp varchar(255) not null);
    CREATE TABLE kysely_migration_lock (id varchar(255) not null primary key, is_locked integer default 0 not null);
    INSERT INTO kysely_migration VALUES ('0001-initial', '2026-01-01T00:00:00Z');
    INSERT INTO kysely_migration_lock VALUES ('migration_lock', 0);
    CREATE TABLE namespace (id varchar(40) primary key, created_at varchar(30) not null, updated_at varchar(30) not null,
      is_enabled integer not null, code varchar(50) not null unique, name varchar(100) not null,
      description varchar(500) not null, auth_mode varchar(10) not null);
    CREATE TABLE policy (id varchar(40) primary key, created_at varchar(30) not null, updated_at varchar(30) not null,
      is_enabled integer not null, namespace_id varchar(40) not null references namespace (id), name varchar(100) not null,
      description varchar(500) not null, priority integer not null, mode varchar(10) not null, rule text not null);
    CREATE TABLE meta (name varchar(50) primary key, value varchar(500) not null);
    CREATE TABLE provider (id varchar(40) primary key);
    CREATE TABLE virtual_key (id varchar(40) primary key);
    INSERT INTO namespace VALUES ('n', 't', 't', 1, 'old', 'Old', '', 'open');
    INSERT INTO policy VALUES ('p', 't', 't', 1, 'n', 'kept', '', 7, 'observe', '{"kind":"concurrency-limit","maxConcurrent":3}');
  `);
  database.close();
  const store = await openStore(`sqlite:${path}`);
  expect(await store.all('policy')).toEqual([
    {
      id: 'p',
      namespaceId: 'n',
      name: 'kept',
      description: '',
      priority: 7,
      isEnabled: true,
      mode: 'observe',
      onLimiterDown: 'local',
      scope: {},
      countPer: [],
      rule: { kind: 'concurrency-limit', maxConcurrent: 3 },
      version: 1,
      createdAt: 't',
      updatedAt: 't',
    },
  ]);
  expect(await store.read('namespace', 'n')).toMatchObject({ maxWaitMs: 0, maxWaiting: 100, weight: 1 });
  await store.close();
});

it('takes everything along from the database of the release before', async () => {
  const path = join(folder, 'released.db');
  const db = new Kysely<Record<string, Record<string, unknown>>>({ dialect: nodeSqliteDialect(path) });
  const { error } = await new Migrator({ db, provider: migrations }).migrateTo('0002-limits');
  expect(error).toBeUndefined();
  const stamps = { created_at: 't', updated_at: 't' };
  await db
    .insertInto('customer_type')
    .values({ id: 'ct', name: 'gold', ...stamps })
    .execute();
  await db
    .insertInto('tenant')
    .values({ id: 'ten', name: 'Acme', customer_type_id: 'ct', ...stamps })
    .execute();
  await db.insertInto('revision').values({ created_at: 't', sha256: 'x', content: '{}' }).execute();
  await db.destroy();
  const store = await openStore(`sqlite:${path}`);
  const kept = { id: 'ten', name: 'Acme', customerTypeId: 'ct', version: 1, createdAt: 't', updatedAt: 't' };
  expect(await store.all('tenant')).toEqual([kept]);
  expect(await store.connection.selectFrom('revision').select('revision').execute()).toEqual([{ revision: 1 }]);
  await store.close();
});
