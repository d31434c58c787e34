import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { isMysql } from './is-mysql.ts';
import { tableOptions } from './mysql-schema.ts';

/** Indexes of the log: every list is read by (at_ms, id), with or without one of the filters. */
const INDEXES = [
  ['request_log_at', 'at_ms, id'],
  ['request_log_namespace', 'namespace_id, at_ms, id'],
  ['request_log_key', 'virtual_key_id, at_ms, id'],
  ['request_log_request', 'request_id'],
] as const;

/** The log of ended requests. What is filtered by has a column, the record is one JSON text. */
export const requestLog: Migration = {
  async up(db: Kysely<unknown>) {
    const [id, text, options] = isMysql(db)
      ? ['bigint primary key auto_increment', 'mediumtext', await tableOptions(db)]
      : ['integer primary key autoincrement', 'text', ''];
    // MySQL has no CREATE INDEX IF NOT EXISTS, but makes a table with its indexes or not at all.
    const indexes = INDEXES.map(([name, columns]) => `, index ${name} (${columns})`).join('');
    await sql
      .raw(
        `create table if not exists request_log (id ${id}, record_id varchar(40) not null unique, at_ms bigint not null,
          request_id varchar(64) not null, namespace_id varchar(40), virtual_key_id varchar(40),
          model varchar(200) not null, status integer not null, outcome varchar(20) not null,
          record ${text} not null${isMysql(db) ? indexes : ''}) ${options}`,
      )
      .execute(db);
    if (isMysql(db)) return;
    for (const [name, columns] of INDEXES)
      await sql.raw(`create index if not exists ${name} on request_log (${columns})`).execute(db);
  },
};
