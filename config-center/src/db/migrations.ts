import type { Kysely } from 'kysely';
import type { Migration, MigrationProvider } from 'kysely/migration';

/**
 * Columns of every resource, in the types that SQLite and MySQL both have. Neither changes a schema inside a transaction
 * for Kysely, so every step can be repeated: a start that was broken off is completed by the next.
 */
const initial: Migration = {
  async up(db: Kysely<unknown>) {
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

/** All migrations in order; a released one is never changed. */
export const migrations: MigrationProvider = {
  async getMigrations() {
    return { '0001-initial': initial };
  },
};
