import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { addColumns } from './add-columns.ts';
import { isMysql } from './is-mysql.ts';
import { tableOptions } from './mysql-schema.ts';

const RESOURCE = `id varchar(40) primary key, created_at varchar(30) not null, updated_at varchar(30) not null,
  version INTEGER not null default 1`;
const RULE = `${RESOURCE}, is_enabled INTEGER not null`;

/** INTEGER and TEXT stand for the types of the database. */
const TABLES = [
  `model (${RULE}, provider_id varchar(40) not null, name varchar(128) not null, upstream_name varchar(128),
    aliases TEXT not null, context_tokens INTEGER, max_output_tokens INTEGER, capabilities TEXT not null)`,
  `redirect (${RULE}, namespace_id varchar(40), model varchar(128) not null, target varchar(128) not null,
    priority INTEGER not null)`,
  `location (${RULE}, name varchar(100) not null, path varchar(256) not null, is_regex INTEGER not null,
    rewrite_to varchar(256), provider_id varchar(40), upstream_id varchar(40), add_headers TEXT not null,
    priority INTEGER not null)`,
  `end_user (${RESOURCE}, name varchar(100) not null, email varchar(254), tenant_id varchar(40),
    customer_type_id varchar(40), status varchar(20) not null, status_reason varchar(500))`,
];

/** New columns of older tables; lists begin empty. */
const COLUMNS = [
  ['namespace', 'allowed_models', 'TEXT'],
  ['namespace', 'denied_models', 'TEXT'],
  ['namespace', 'default_provider_id', 'varchar(40)'],
  ['namespace', 'default_upstream_id', 'varchar(40)'],
  ['virtual_key', 'allowed_models', 'TEXT'],
  ['virtual_key', 'user_id', 'varchar(40)'],
  ['virtual_key', 'status_reason', 'varchar(500)'],
  ['virtual_key', 'previous_secret_hash', 'varchar(64)'],
  ['virtual_key', 'previous_until', 'varchar(30)'],
] as const;

/** Models, redirects, locations and users. Each step may be repeated after a start that was broken off. */
export const models: Migration = {
  async up(db: Kysely<unknown>) {
    const options = isMysql(db) ? await tableOptions(db) : '';
    const [integer, text] = isMysql(db) ? ['bigint', 'longtext'] : ['integer', 'text'];
    const typed = (statement: string) => statement.replaceAll('INTEGER', integer).replaceAll('TEXT', text);
    for (const table of TABLES) await sql.raw(typed(`create table if not exists ${table} ${options}`)).execute(db);

    for (const [table, column, type] of COLUMNS) await addColumns(db, table, [[column, typed(type)]]);
    for (const [table, column, type] of COLUMNS) {
      if (type === 'TEXT') await sql.raw(`update ${table} set ${column} = '[]' where ${column} is null`).execute(db);
    }
  },
};
