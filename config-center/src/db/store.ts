import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { type Dialect, Kysely, sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import { type NewAuditEntry, recordAudit } from './audit.ts';
import type { Connection, Schema } from './connection.ts';
import { checkDatabase, dialectOf } from './database-url.ts';
import { isDuplicate } from './errors.ts';
import { isMysql } from './is-mysql.ts';
import { cursorOf, isAfter, placeIn } from './keyset.ts';
import { migrations } from './migrations.ts';
import { TURNS } from './storage-migration.ts';
import { columnOf, fromColumns, type Row, type Rows, SEARCHED, type TableName, toColumns } from './tables.ts';
import { takeTurns } from './turns.ts';

/** A page of rows, newest change last. */
export interface Page<Name extends TableName> {
  readonly items: readonly Row<Name>[];
  /** Counted up to `MOST_COUNTED`. */
  readonly total: number;
  /** Cursor of the next page, if there is one. */
  readonly next?: string | undefined;
}

/** Counting stops there, so that a page of a very long list costs no more than one of a long list. */
export const MOST_COUNTED = 100_000;

export interface ListQuery {
  readonly page: number;
  readonly size: number;
  /** `next` of the page before; `page` then says nothing. */
  readonly cursor?: string | undefined;
  readonly keyword?: string | undefined;
  /** Fields that must equal a value. */
  readonly where?: Readonly<Record<string, unknown>>;
}

/** Reads and writes of resources, inside or outside of a transaction. */
export interface Resources {
  list<Name extends TableName>(table: Name, query: ListQuery): Promise<Page<Name>>;
  /** Rows whose fields equal the values of `where`. */
  all<Name extends TableName>(table: Name, where?: Readonly<Record<string, unknown>>): Promise<readonly Row<Name>[]>;
  read<Name extends TableName>(table: Name, id: string): Promise<Row<Name> | undefined>;
  insert<Name extends TableName>(table: Name, row: Rows[Name], at: string): Promise<Row<Name>>;
  /** Undefined when there is no such row. */
  update<Name extends TableName>(table: Name, row: Rows[Name], at: string): Promise<Row<Name> | undefined>;
  remove(table: TableName, where: Readonly<Record<string, unknown>>): Promise<number>;
  /** Adds an entry to the audit log. */
  record(entry: NewAuditEntry): Promise<void>;
  /** Number of the newest revision of the rules, 0 before the first. */
  newestRevision(): Promise<number>;
}

/** The database of the config center. */
export interface Store extends Resources {
  /** Runs `work` in one transaction: all of it is kept or nothing. */
  transaction<T>(work: (resources: Resources, connection: Connection) => Promise<T>): Promise<T>;
  readonly connection: Kysely<Schema>;
  readonly kind: 'sqlite' | 'mysql';
  close(): Promise<void>;
}

/** A start that collides with another one on the same SQLite file finds the other's work done when it tries again. */
const MIGRATION_TRIES = 5;

/**
 * Opens the database of a checked `DATABASE_URL` and brings its schema up to date.
 * @throws Error that names what is wrong with `DATABASE_URL`
 */
export async function openStore(url: string): Promise<Store> {
  const connection = new Kysely<Schema>({ dialect: await openDialect(url) });
  try {
    await checkDatabase(connection, url);
    await migrate(connection);
  } catch (error) {
    await connection.destroy();
    throw error;
  }
  return {
    ...resourcesOn(connection),
    connection,
    kind: isMysql(connection) ? 'mysql' : 'sqlite',
    transaction: (work) =>
      connection.transaction().execute(async (transaction) => {
        await takeTurns(transaction, TURNS);
        return work(resourcesOn(transaction), transaction);
      }),
    close: () => connection.destroy(),
  };
}

/** Another start on the same SQLite file may hold it for a moment, which SQLite does not wait for when it opens one. */
async function openDialect(url: string): Promise<Dialect> {
  for (let attempt = 1; ; attempt++) {
    try {
      return dialectOf(url);
    } catch (error) {
      if (attempt === MIGRATION_TRIES || !String(error).includes('database is locked')) throw error;
      await setTimeout(attempt * 100);
    }
  }
}

async function migrate(connection: Kysely<Schema>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const { error } = await new Migrator({ db: connection, provider: migrations }).migrateToLatest();
    if (error === undefined) return;
    if (attempt === MIGRATION_TRIES || isMysql(connection)) throw error;
    await setTimeout(attempt * 100);
  }
}

/** Inserts a row unless there is one with its key. Not for use in a transaction. */
export async function insertIfAbsent(
  connection: Connection,
  table: string,
  row: Readonly<Record<string, unknown>>,
): Promise<void> {
  try {
    await connection.insertInto(table).values(row).execute();
  } catch (error) {
    if (!isDuplicate(error)) throw error;
  }
}

/** A new id: the kind of thing and 96 random bits. */
export function newId(prefix: string): string {
  return `${prefix}_${randomBytes(12).toString('hex')}`;
}

/** Order of lists. */
const ORDER = ['created_at', 'id'];

function resourcesOn(db: Connection): Resources {
  async function read<Name extends TableName>(table: Name, id: string): Promise<Row<Name> | undefined> {
    const found = await db.selectFrom(table).selectAll().where('id', '=', id).executeTakeFirst();
    return found === undefined ? undefined : fromColumns(table, found);
  }

  return {
    read,
    async list(table, { page, size, cursor, keyword, where = {} }) {
      let rows = db.selectFrom(table as string);
      for (const [field, value] of Object.entries(where)) rows = rows.where(columnOf(field), '=', value);
      if (keyword !== undefined && keyword !== '') {
        // A keyword is text, not a pattern of LIKE.
        // LIKE overlooks case in SQLite alone.
        const pattern = `%${keyword.toLowerCase().replaceAll(/[!%_]/g, '!$&')}%`;
        rows = rows.where((builder) =>
          builder.or(
            SEARCHED[table].map((column) => sql<boolean>`lower(${sql.ref(column)}) like ${pattern} escape '!'`),
          ),
        );
      }
      const counted = db.selectFrom(rows.select(sql`1`.as('one')).limit(MOST_COUNTED).as('counted'));
      const { count } = await counted.select((builder) => builder.fn.countAll().as('count')).executeTakeFirstOrThrow();
      if (cursor !== undefined) {
        const place = placeIn(cursor, ORDER.length);
        rows = rows.where((builder) => isAfter(builder, ORDER, place, 'asc'));
      }
      // One more than the page tells whether there is another.
      const found = await rows
        .selectAll()
        .orderBy('created_at')
        .orderBy('id')
        .limit(size + 1)
        .offset(cursor === undefined ? (page - 1) * size : 0)
        .execute();
      const items = found.slice(0, size).map((item) => fromColumns(table, item));
      const last = found.length > size ? items.at(-1) : undefined;
      return { items, total: Number(count), ...(last && { next: cursorOf([last.createdAt, last.id]) }) };
    },
    async all(table, where = {}) {
      let found = db.selectFrom(table as string);
      for (const [field, value] of Object.entries(where)) found = found.where(columnOf(field), '=', value);
      const rows = await found.selectAll().orderBy('id').execute();
      return rows.map((row) => fromColumns(table, row));
    },
    async insert(table, row, at) {
      await db
        .insertInto(table as string)
        .values({ ...toColumns(table, { ...row }), created_at: at, updated_at: at })
        .execute();
      return { ...row, version: 1, createdAt: at, updatedAt: at };
    },
    async update(table, row, at) {
      const { numUpdatedRows } = await db
        .updateTable(table as string)
        .set({ ...toColumns(table, { ...row }), updated_at: at, version: sql`version + 1` })
        .where('id', '=', row.id)
        .executeTakeFirst();
      return numUpdatedRows === 0n ? undefined : read(table, row.id);
    },
    async remove(table, where) {
      let rows = db.deleteFrom(table as string);
      for (const [field, value] of Object.entries(where)) rows = rows.where(columnOf(field), '=', value);
      const { numDeletedRows } = await rows.executeTakeFirst();
      return Number(numDeletedRows);
    },
    record: (entry) => recordAudit(db, entry),
    async newestRevision() {
      const { revision } = await db
        .selectFrom('revision')
        .select((builder) => builder.fn.max('revision').as('revision'))
        .executeTakeFirstOrThrow();
      return Number(revision ?? 0);
    },
  };
}
