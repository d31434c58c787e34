import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { isMysql } from './is-mysql.ts';
import { tableOptions } from './mysql-schema.ts';

/** Policy tests, each with its cases as one JSON text. May be repeated. */
export const policyTests: Migration = {
  async up(db: Kysely<unknown>) {
    const [integer, text, options] = isMysql(db)
      ? ['bigint', 'mediumtext', await tableOptions(db)]
      : ['integer', 'text', ''];
    await sql
      .raw(
        `create table if not exists policy_test (id varchar(40) primary key, created_at varchar(30) not null,
          updated_at varchar(30) not null, version ${integer} not null default 1, is_enabled ${integer} not null,
          name varchar(100) not null unique, description varchar(500) not null, cases ${text} not null) ${options}`,
      )
      .execute(db);
  },
};
