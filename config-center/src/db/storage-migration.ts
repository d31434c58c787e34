import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { isMysql } from './is-mysql.ts';
import { tableOptions } from './mysql-schema.ts';

/** Name of the row of `meta` that a change locks, so that changes take turns. */
export const TURNS = 'turns';

const VERSIONED = [
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

/** Versions of rows, the audit log, and the row that changes lock. Each step is left out where it is done already. */
export const storage: Migration = {
  async up(db: Kysely<unknown>) {
    const tables = await db.introspection.getTables();
    for (const { name, columns } of tables) {
      if (!VERSIONED.includes(name) || columns.some((column) => column.name === 'version')) continue;
      await db.schema
        .alterTable(name)
        .addColumn('version', isMysql(db) ? 'bigint' : 'integer', (column) => column.notNull().defaultTo(1))
        .execute();
    }
    await createAudit(
      db,
      tables.some(({ name }) => name === 'audit'),
    );
    await sql`insert into meta (name, value) select ${TURNS}, ''
      where not exists (select 1 from meta where name = ${TURNS})`.execute(db);
  },
};

async function createAudit(db: Kysely<unknown>, isThere: boolean): Promise<void> {
  const [id, text, options] = isMysql(db)
    ? ['bigint primary key auto_increment', 'longtext', await tableOptions(db)]
    : ['integer primary key autoincrement', 'text', ''];
  if (!isThere) {
    // MySQL has no CREATE INDEX IF NOT EXISTS, but makes a table with its indexes or not at all.
    const indexes = 'index audit_row (kind, row_id), index audit_actor (actor), index audit_at (at)';
    await sql
      .raw(
        `create table audit (id ${id}, at varchar(30) not null, actor varchar(100) not null,
          action varchar(10) not null, kind varchar(40) not null, row_id varchar(40) not null,
          row_before ${text}, row_after ${text}${isMysql(db) ? `, ${indexes}` : ''}) ${options}`,
      )
      .execute(db);
  }
  if (isMysql(db)) return;
  for (const [name, columns] of [
    ['audit_row', 'kind, row_id'],
    ['audit_actor', 'actor'],
    ['audit_at', 'at'],
  ])
    await sql.raw(`create index if not exists ${name} on audit (${columns})`).execute(db);
}
