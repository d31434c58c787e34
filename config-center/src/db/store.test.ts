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
