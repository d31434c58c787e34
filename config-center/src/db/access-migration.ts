import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { addColumns } from './add-columns.ts';
import { isMysql } from './is-mysql.ts';
import { tableOptions } from './mysql-schema.ts';

const TABLES = [
  `administrator (id varchar(40) primary key, created_at varchar(30) not null, updated_at varchar(30) not null,
    version bigint not null default 1, is_enabled bigint not null, name varchar(100) not null unique,
    role varchar(20) not null, tenant_id varchar(40), email varchar(200) unique, oidc_subject varchar(255) unique,
    source varchar(10) not null, password_hash varchar(300))`,
  `administrator_key (fingerprint varchar(64) primary key, created_at varchar(30) not null,
    administrator_id varchar(40) not null, public_key varchar(60) not null, comment varchar(200) not null,
    is_enabled bigint not null)`,
  `challenge (id varchar(64) primary key, fingerprint varchar(64) not null, nonce varchar(60) not null,
    expires_at_ms bigint not null)`,
  `administrator_session (id varchar(40) primary key, secret_hash varchar(64) not null unique,
    administrator_id varchar(40) not null, method varchar(10) not null, fingerprint varchar(64),
    address varchar(100) not null, created_at_ms bigint not null, last_seen_at_ms bigint not null,
    expires_at_ms bigint not null)`,
  `oidc_login (state_hash varchar(64) primary key, nonce varchar(100) not null, code_verifier varchar(200) not null,
    expires_at_ms bigint not null)`,
];

/** Columns that join existing tables; codes of before let the built-in administrator in. */
const COLUMNS = {
  login_code: {
    administrator_id: 'varchar(40)',
    session_id: 'varchar(40)',
    created_at_ms: 'bigint not null default 0',
    uses: 'bigint not null default 0',
    max_uses: 'bigint not null default 1',
  },
  revision: { actor: "varchar(100) not null default ''" },
} as const;

/**
 * Administrators, their keys, challenges and sessions, and who made each revision. Sessions of before end. Each step is
 * left out where it is done already.
 */
export const access: Migration = {
  async up(db: Kysely<unknown>) {
    const options = isMysql(db) ? await tableOptions(db) : '';
    for (const table of TABLES) await sql.raw(`create table if not exists ${table} ${options}`).execute(db);
    for (const [table, columns] of Object.entries(COLUMNS)) await addColumns(db, table, Object.entries(columns));
    const tables = await db.introspection.getTables();
    if (tables.some(({ name }) => name === 'login_code'))
      await sql`update login_code set uses = 1 where used_at_ms is not null`.execute(db);
    await sql`drop table if exists session`.execute(db);
  },
};
