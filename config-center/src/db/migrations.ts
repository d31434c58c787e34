import { type Kysely, sql } from 'kysely';
import type { Migration, MigrationProvider } from 'kysely/migration';
import { access } from './access-migration.ts';
import { accounts } from './accounts-migration.ts';
import { isMysql } from './is-mysql.ts';
import { models } from './models-migration.ts';
import { createMysqlSchema } from './mysql-schema.ts';
import { policyTests } from './policy-test-migration.ts';
import { portkey } from './portkey-migration.ts';
import { protocols } from './protocols-migration.ts';
import { requestLog } from './request-log-migration.ts';
import { routing } from './routing-migration.ts';
import { scale } from './scale-migration.ts';
import { secrets } from './secrets-migration.ts';
import { storage } from './storage-migration.ts';
import { unsupported } from './unsupported-migration.ts';
import { usage } from './usage-migration.ts';

/**
 * The first tables. Kysely changes no schema inside a transaction by itself, so every step can be repeated: a start
 * that was broken off is completed by the next. MySQL began with the schema of both of the first migrations.
 */
const initial: Migration = {
  async up(db: Kysely<unknown>) {
    if (isMysql(db)) return createMysqlSchema(db);
    const resource = (name: string) =>
      db.schema
        .createTable(name)
        .ifNotExists()
        .addColumn('id', 'varchar(40)', (column) => column.primaryKey())
        .addColumn('created_at', 'varchar(30)', (column) => column.notNull())
        .addColumn('updated_at', 'varchar(30)', (column) => column.notNull())
        .addColumn('is_enabled', 'integer', (column) => column.notNull());

    await resource('namespace')
      .addColumn('code', 'varchar(50)', (column) => column.notNull().unique())
      .addColumn('name', 'varchar(100)', (column) => column.notNull())
      .addColumn('description', 'varchar(500)', (column) => column.notNull())
      .addColumn('auth_mode', 'varchar(10)', (column) => column.notNull())
      .execute();
    await resource('matcher')
      .addColumn('namespace_id', 'varchar(40)', (column) => column.notNull().references('namespace.id'))
      .addColumn('source', 'varchar(10)', (column) => column.notNull())
      .addColumn('field', 'varchar(200)', (column) => column.notNull())
      .addColumn('operator', 'varchar(30)', (column) => column.notNull())
      .addColumn('value', 'varchar(2000)', (column) => column.notNull())
      .addColumn('priority', 'integer', (column) => column.notNull())
      .execute();
    await resource('policy')
      .addColumn('namespace_id', 'varchar(40)', (column) => column.notNull().references('namespace.id'))
      .addColumn('name', 'varchar(100)', (column) => column.notNull())
      .addColumn('description', 'varchar(500)', (column) => column.notNull())
      .addColumn('priority', 'integer', (column) => column.notNull())
      .addColumn('mode', 'varchar(10)', (column) => column.notNull())
      .addColumn('rule', 'text', (column) => column.notNull())
      .execute();
    await resource('provider')
      .addColumn('name', 'varchar(50)', (column) => column.notNull().unique())
      .addColumn('dialect', 'varchar(20)', (column) => column.notNull())
      .addColumn('api_key_env', 'varchar(100)')
      .addColumn('models', 'text', (column) => column.notNull())
      .addColumn('priority', 'integer', (column) => column.notNull())
      .execute();
    await resource('upstream')
      .addColumn('provider_id', 'varchar(40)', (column) => column.notNull().references('provider.id'))
      .addColumn('base_url', 'varchar(500)', (column) => column.notNull())
      .addColumn('weight', 'integer', (column) => column.notNull())
      .addColumn('connect_timeout_ms', 'integer', (column) => column.notNull())
      .addColumn('first_byte_timeout_ms', 'integer', (column) => column.notNull())
      .addColumn('idle_timeout_ms', 'integer', (column) => column.notNull())
      .addColumn('total_timeout_ms', 'integer', (column) => column.notNull())
      .execute();
    await resource('virtual_key')
      .addColumn('name', 'varchar(100)', (column) => column.notNull())
      .addColumn('prefix', 'varchar(20)', (column) => column.notNull())
      .addColumn('secret_hash', 'varchar(64)', (column) => column.notNull().unique())
      .addColumn('namespace_ids', 'text', (column) => column.notNull())
      .addColumn('expires_at', 'varchar(30)')
      .execute();
    await addPublishing(db);
    await addLogin(db);
  },
};

/** Revisions of the rules, and facts about the database as a whole. */
async function addPublishing(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('revision')
    .ifNotExists()
    .addColumn('revision', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('created_at', 'varchar(30)', (column) => column.notNull())
    .addColumn('sha256', 'varchar(64)', (column) => column.notNull())
    .addColumn('content', 'text', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('meta')
    .ifNotExists()
    .addColumn('name', 'varchar(50)', (column) => column.primaryKey())
    .addColumn('value', 'varchar(500)', (column) => column.notNull())
    .execute();
}

/** Login codes and sessions of administrators; only hashes are kept. */
async function addLogin(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('login_code')
    .ifNotExists()
    .addColumn('code_hash', 'varchar(64)', (column) => column.primaryKey())
    .addColumn('expires_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('used_at_ms', 'bigint')
    .execute();
  await db.schema
    .createTable('session')
    .ifNotExists()
    .addColumn('id_hash', 'varchar(64)', (column) => column.primaryKey())
    .addColumn('administrator', 'varchar(100)', (column) => column.notNull())
    .addColumn('last_seen_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('expires_at_ms', 'bigint', (column) => column.notNull())
    .execute();
}

/** Scopes of policies, waiting, payers, prices and layered limits. */
const limits: Migration = {
  async up(connection: Kysely<unknown>) {
    if (isMysql(connection)) return;
    // All or nothing: kysely does not wrap migrations of SQLite by itself.
    await connection.transaction().execute(addLimits);
  },
};

async function addLimits(db: Kysely<unknown>): Promise<void> {
  const columns = [
    ['max_wait_ms', 0],
    ['max_waiting', 100],
    ['weight', 1],
  ] as const;
  for (const [name, value] of columns) {
    await db.schema
      .alterTable('namespace')
      .addColumn(name, 'integer', (column) => column.notNull().defaultTo(value))
      .execute();
  }
  await addPayers(db);
  await makeNamespaceOptional(db);
}

/** A policy may hold for every namespace. SQLite cannot drop a NOT NULL, so the table is written anew. */
async function makeNamespaceOptional(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('policy_new')
    .addColumn('id', 'varchar(40)', (column) => column.primaryKey())
    .addColumn('created_at', 'varchar(30)', (column) => column.notNull())
    .addColumn('updated_at', 'varchar(30)', (column) => column.notNull())
    .addColumn('is_enabled', 'integer', (column) => column.notNull())
    .addColumn('namespace_id', 'varchar(40)', (column) => column.references('namespace.id'))
    .addColumn('name', 'varchar(100)', (column) => column.notNull())
    .addColumn('description', 'varchar(500)', (column) => column.notNull())
    .addColumn('priority', 'integer', (column) => column.notNull())
    .addColumn('mode', 'varchar(10)', (column) => column.notNull())
    .addColumn('on_limiter_down', 'varchar(10)', (column) => column.notNull())
    .addColumn('scope', 'text', (column) => column.notNull())
    .addColumn('count_per', 'text', (column) => column.notNull())
    .addColumn('rule', 'text', (column) => column.notNull())
    .execute();
  await sql`insert into policy_new (id, created_at, updated_at, is_enabled, namespace_id, name, description, priority,
      mode, on_limiter_down, scope, count_per, rule)
    select id, created_at, updated_at, is_enabled, namespace_id, name, description, priority,
      mode, 'local', '{}', '[]', rule from policy`.execute(db);
  await db.schema.dropTable('policy').execute();
  await db.schema.alterTable('policy_new').renameTo('policy').execute();
}

async function addPayers(db: Kysely<unknown>): Promise<void> {
  const resource = (name: string) =>
    db.schema
      .createTable(name)
      .addColumn('id', 'varchar(40)', (column) => column.primaryKey())
      .addColumn('created_at', 'varchar(30)', (column) => column.notNull())
      .addColumn('updated_at', 'varchar(30)', (column) => column.notNull());

  await resource('customer_type')
    .addColumn('name', 'varchar(100)', (column) => column.notNull().unique())
    .execute();
  await resource('tenant')
    .addColumn('name', 'varchar(100)', (column) => column.notNull().unique())
    .addColumn('customer_type_id', 'varchar(40)', (column) => column.references('customer_type.id'))
    .execute();
  await resource('price')
    .addColumn('provider_id', 'varchar(40)', (column) => column.notNull().references('provider.id'))
    .addColumn('model', 'varchar(128)', (column) => column.notNull())
    .addColumn('input_per_million', 'varchar(20)', (column) => column.notNull())
    .addColumn('output_per_million', 'varchar(20)', (column) => column.notNull())
    .execute();
  await resource('layered_limit')
    .addColumn('is_enabled', 'integer', (column) => column.notNull())
    .addColumn('target_type', 'varchar(20)', (column) => column.notNull())
    .addColumn('target_id', 'varchar(40)')
    .addColumn('provider_id', 'varchar(40)', (column) => column.references('provider.id'))
    .addColumn('model', 'varchar(128)')
    .addColumn('on_limiter_down', 'varchar(10)', (column) => column.notNull())
    .addColumn('count_per', 'varchar(10)', (column) => column.notNull())
    .addColumn('limit', 'text', (column) => column.notNull())
    .execute();
  await db.schema.alterTable('virtual_key').addColumn('tenant_id', 'varchar(40)').execute();
  await db.schema.alterTable('virtual_key').addColumn('customer_type_id', 'varchar(40)').execute();
}

/** All migrations in order; a released one is never changed. */
export const migrations: MigrationProvider = {
  async getMigrations() {
    return {
      '0001-initial': initial,
      '0002-limits': limits,
      '0003-storage': storage,
      '0004-access': access,
      '0005-request-log': requestLog,
      '0006-secrets': secrets,
      '0007-scale': scale,
      '0009-models': models,
      '0012-policy-tests': policyTests,
      '0013-routing': routing,
      '0014-protocols': protocols,
      '0015-accounts': accounts,
      '0016-usage': usage,
      '0017-portkey': portkey,
      '0018-unsupported': unsupported,
    };
  },
};
