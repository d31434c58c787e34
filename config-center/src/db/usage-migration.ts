import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { isMysql } from './is-mysql.ts';
import { tableOptions } from './mysql-schema.ts';

/** Name of the row of `meta` that is locked while records of requests are taken in, so that intakes take turns. */
export const INTAKE_TURNS = 'intake turns';

const SUMS = [
  'requests',
  'refused',
  'cut',
  'errors',
  'input_tokens',
  'output_tokens',
  'cost_nanos',
  'unpriced',
] as const;

/** Sums over requests by hour, and the settings that operators change. May be repeated. */
export const usage: Migration = {
  async up(db: Kysely<unknown>) {
    const options = isMysql(db) ? await tableOptions(db) : '';
    const ids = ['namespace_id', 'virtual_key_id', 'user_id', 'tenant_id', 'provider_id'];
    const columns = [
      'hour_ms bigint not null',
      ...ids.map((name) => `${name} varchar(40) not null`),
      'model varchar(200) not null',
      ...SUMS.map((name) => `${name} bigint not null`),
      `primary key (hour_ms, ${ids.join(', ')}, model)`,
    ];
    // In SQLite the primary key is then the table itself, as in MySQL.
    const kind = isMysql(db) ? options : 'without rowid';
    await sql.raw(`create table if not exists usage_hour (${columns.join(', ')}) ${kind}`).execute(db);
    await sql
      .raw(`create table if not exists setting (name varchar(50) primary key, value varchar(500) not null) ${options}`)
      .execute(db);
    await sql`insert into meta (name, value) select ${INTAKE_TURNS}, ''
      where not exists (select 1 from meta where name = ${INTAKE_TURNS})`.execute(db);
  },
};
