import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { isMysql } from './is-mysql.ts';
import { tableOptions } from './mysql-schema.ts';

/** Columns that join a table: name and definition, by table. */
const ADDED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  namespace: { cache: 'JSON' },
  provider: { strategy: "varchar(20) not null default 'weighted'", routing: 'JSON' },
  upstream: {
    priority: 'INTEGER not null default 100',
    canary_percent: 'INTEGER',
    max_concurrent: 'INTEGER',
    health_check: 'JSON',
  },
};

/** Strategies, canaries, health checks, answers that are kept, and fallbacks. Each step is left out where it is done already. */
export const routing: Migration = {
  async up(db: Kysely<unknown>) {
    const [integer, json] = isMysql(db) ? ['bigint', 'longtext'] : ['integer', 'text'];
    const tables = await db.introspection.getTables();
    for (const { name, columns } of tables) {
      for (const [column, definition] of Object.entries(ADDED[name] ?? {})) {
        if (columns.some((known) => known.name === column)) continue;
        const type = definition.replace('INTEGER', integer).replace('JSON', json);
        await sql`alter table ${sql.table(name)} add column ${sql.ref(column)} ${sql.raw(type)}`.execute(db);
      }
    }
    const options = isMysql(db) ? await tableOptions(db) : '';
    await sql
      .raw(
        `create table if not exists fallback (id varchar(40) primary key, created_at varchar(30) not null,
          updated_at varchar(30) not null, version ${integer} not null default 1, is_enabled ${integer} not null,
          namespace_id varchar(40), model varchar(128) not null, targets ${json} not null,
          foreign key (namespace_id) references namespace (id)) ${options}`,
      )
      .execute(db);
  },
};
