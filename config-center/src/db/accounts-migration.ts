import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { isMysql } from './is-mysql.ts';
import { tableOptions } from './mysql-schema.ts';

const RESOURCE = `id varchar(40) primary key, created_at varchar(30) not null, updated_at varchar(30) not null,
  version INTEGER not null default 1`;

/**
 * INTEGER, NUMBER and TEXT stand for the types of the database. Balances stand beside the accounts, since accounts are
 * rules and a charge is no change of the rules. Amounts are nano-units.
 */
const TABLES = [
  `rate (${RESOURCE}, customer_type_id varchar(40), provider_id varchar(40) not null, model varchar(128) not null,
    input_per_million varchar(20) not null, output_per_million varchar(20) not null,
    foreign key (customer_type_id) references customer_type (id), foreign key (provider_id) references provider (id))`,
  `account (${RESOURCE}, tenant_id varchar(40) unique, user_id varchar(40) unique, currency varchar(3) not null,
    soft_limit varchar(20), hard_limit varchar(20), status varchar(10) not null, standing varchar(10) not null)`,
  `account_balance (account_id varchar(40) primary key, balance INTEGER not null,
    foreign key (account_id) references account (id))`,
  `ledger_entry (id NUMBER, account_id varchar(40) not null, kind varchar(20) not null, amount INTEGER not null,
    balance INTEGER not null, at varchar(30) not null, actor varchar(100) not null, note varchar(500),
    idempotency_key varchar(100), record_id varchar(40) unique, charged TEXT,
    unique (account_id, idempotency_key), foreign key (account_id) references account (id) INDEXES)`,
];

/** An account's entries by their number, all of them or those of a kind. */
const INDEXES = [
  ['ledger_entry_account', 'account_id, id'],
  ['ledger_entry_kind', 'account_id, kind, id'],
] as const;

/** Rates, accounts, balances and their ledger. May be repeated. */
export const accounts: Migration = {
  async up(db: Kysely<unknown>) {
    const [integer, number, text, options] = isMysql(db)
      ? ['bigint', 'bigint primary key auto_increment', 'mediumtext', await tableOptions(db)]
      : ['integer', 'integer primary key autoincrement', 'text', ''];
    // MySQL has no CREATE INDEX IF NOT EXISTS, but makes a table with its indexes or not at all.
    const indexes = isMysql(db) ? INDEXES.map(([name, columns]) => `, index ${name} (${columns})`).join('') : '';
    const typed = (table: string) =>
      table
        .replaceAll('INTEGER', integer)
        .replaceAll('NUMBER', number)
        .replaceAll('TEXT', text)
        .replace(' INDEXES', indexes);
    for (const table of TABLES) await sql.raw(`create table if not exists ${typed(table)} ${options}`).execute(db);
    if (isMysql(db)) return;
    for (const [name, columns] of INDEXES)
      await sql.raw(`create index if not exists ${name} on ledger_entry (${columns})`).execute(db);
  },
};
