import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { namespaceShape } from '@ai-gateway/contracts';
import { afterEach, beforeEach, expect, it } from 'vitest';
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
  await (await openStore(nodeSqliteDialect(path))).close();
  const database = new DatabaseSync(path);
  database.exec('PRAGMA foreign_keys = OFF');
  const tables = database.prepare("select name from sqlite_master where type = 'table'").all();
  for (const { name } of tables)
    if (name !== 'matcher' && !String(name).startsWith('sqlite_')) database.exec(`DROP TABLE "${name}"`);
  database.close();
  const store = await openStore(nodeSqliteDialect(path));
  expect(await store.connection.selectFrom('session').selectAll().execute()).toEqual([]);
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
    CREATE TABLE provider (id varchar(40) primary key);
    CREATE TABLE virtual_key (id varchar(40) primary key);
    INSERT INTO namespace VALUES ('n', 't', 't', 1, 'old', 'Old', '', 'open');
    INSERT INTO policy VALUES ('p', 't', 't', 1, 'n', 'kept', '', 7, 'observe', '{"kind":"concurrency-limit","maxConcurrent":3}');
  `);
  database.close();
  const store = await openStore(nodeSqliteDialect(path));
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
      createdAt: 't',
      updatedAt: 't',
    },
  ]);
  expect(await store.read('namespace', 'n')).toMatchObject({ maxWaitMs: 0, maxWaiting: 100, weight: 1 });
  await store.close();
});

it('keeps all of a transaction or nothing', async () => {
  const store = await openStore(nodeSqliteDialect(':memory:'));
  const row = namespaceShape.parse({ id: 'a', code: 'a', name: 'A' });
  const failing = store.transaction(async (resources) => {
    await resources.insert('namespace', row, '2026-01-01T00:00:00Z');
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect(await store.all('namespace')).toEqual([]);
  await store.close();
});
