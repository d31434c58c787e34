import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { isMysql } from './is-mysql.ts';
import { tableOptions } from './mysql-schema.ts';

/** Keys of providers; `sealed` holds the encrypted secret. May be repeated. */
export const secrets: Migration = {
  async up(db: Kysely<unknown>) {
    const [integer, text, options] = isMysql(db)
      ? ['bigint', 'longtext', await tableOptions(db)]
      : ['integer', 'text', ''];
    await sql
      .raw(
        `create table if not exists provider_key (id varchar(40) primary key, created_at varchar(30) not null,
          updated_at varchar(30) not null, version ${integer} not null default 1, is_enabled ${integer} not null,
          provider_id varchar(40) not null, upstream_id varchar(40), name varchar(100) not null,
          weight ${integer} not null, priority ${integer} not null, last_four varchar(4) not null, sealed ${text} not null,
          foreign key (provider_id) references provider (id), foreign key (upstream_id) references upstream (id))
          ${options}`,
      )
      .execute(db);
  },
};
