import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { isMysql } from './is-mysql.ts';
import { tableOptions } from './mysql-schema.ts';

/** Routing configs of Portkey providers; their versions are in the audit log. May be repeated. */
export const portkey: Migration = {
  async up(db: Kysely<unknown>) {
    const [integer, json, options] = isMysql(db)
      ? ['bigint', 'longtext', await tableOptions(db)]
      : ['integer', 'text', ''];
    await sql
      .raw(
        `create table if not exists portkey_config (id varchar(40) primary key, created_at varchar(30) not null,
          updated_at varchar(30) not null, version ${integer} not null default 1, is_enabled ${integer} not null,
          provider_id varchar(40) not null, name varchar(50) not null, description varchar(500) not null,
          strategy ${json} not null, targets ${json} not null, override_params ${json}, retry ${json}, cache ${json},
          request_timeout_ms ${integer}, metadata ${json} not null) ${options}`,
      )
      .execute(db);
  },
};
