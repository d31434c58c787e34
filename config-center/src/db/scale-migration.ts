import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { addColumns } from './add-columns.ts';
import { isMysql } from './is-mysql.ts';
import { tableOptions } from './mysql-schema.ts';

const RESOURCES = [
  'namespace',
  'matcher',
  'policy',
  'provider',
  'upstream',
  'virtual_key',
  'customer_type',
  'tenant',
  'price',
  'layered_limit',
];

/** Columns, by table, that lists are read by. MySQL has an index for each foreign key by itself, SQLite has none. */
const INDEXES: readonly (readonly [string, string])[] = [
  ...RESOURCES.map((table) => [table, 'created_at, id'] as const),
  ['matcher', 'namespace_id, created_at, id'],
  ['policy', 'namespace_id, created_at, id'],
];

/**
 * Indexes for long lists, revisions as differences, and scheduled changes. Each step is left out where it is done
 * already, so a start that was broken off is completed by the next.
 */
export const scale: Migration = {
  async up(db: Kysely<unknown>) {
    for (const [table, columns] of INDEXES) await addIndex(db, table, columns);
    const [json, blob] = isMysql(db) ? ['longtext', 'longblob'] : ['text', 'blob'];
    // `content` is kept by revisions of older versions alone.
    await addColumns(db, 'revision', [
      ['delta', json],
      ['packed', blob],
      ['summary', json],
      ['fingerprint', json],
    ]);
    const [id, options] = isMysql(db)
      ? ['bigint primary key auto_increment', await tableOptions(db)]
      : ['integer primary key autoincrement', ''];
    await sql
      .raw(
        `create table if not exists scheduled (id ${id}, effective_from varchar(30) not null,
          status varchar(10) not null, created_at varchar(30) not null, actor varchar(100) not null,
          base_revision bigint not null, change_json ${json} not null, reason varchar(2000),
          finished_at varchar(30), revision bigint) ${options}`,
      )
      .execute(db);
    await addIndex(db, 'scheduled', 'status, effective_from');
  },
};

async function addIndex(db: Kysely<unknown>, table: string, columns: string): Promise<void> {
  const name = `${table}_by_${columns.replaceAll(/,? /g, '_')}`.replaceAll(',', '');
  const found = isMysql(db)
    ? await sql`select 1 from information_schema.statistics where table_schema = database()
        and table_name = ${table} and index_name = ${name}`.execute(db)
    : await sql`select 1 from sqlite_master where type = 'index' and name = ${name}`.execute(db);
  const tables = await db.introspection.getTables();
  const present = tables.find((each) => each.name === table)?.columns.map((column) => column.name) ?? [];
  const isMissing = columns.split(', ').some((column) => !present.includes(column));
  if (found.rows.length === 0 && !isMissing) await sql.raw(`create index ${name} on ${table} (${columns})`).execute(db);
}
