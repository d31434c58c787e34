import { randomBytes } from 'node:crypto';
import { type Dialect, Kysely, sql, type Transaction } from 'kysely';
import { Migrator } from 'kysely/migration';
import { migrations } from './migrations.ts';
import { columnOf, fromColumns, type Row, type Rows, SEARCHED, type TableName, toColumns } from './tables.ts';

/** Tables by name; the mapping in `tables.ts` gives their columns meaning. */
type Schema = Record<string, Record<string, unknown>>;
type Connection = Kysely<Schema> | Transaction<Schema>;

/** A page of rows, newest change last. */
export interface Page<Name extends TableName> {
  readonly items: readonly Row<Name>[];
  readonly total: number;
}

export interface ListQuery {
  readonly page: number;
  readonly size: number;
  readonly keyword?: string | undefined;
  /** Fields that must equal a value. */
  readonly where?: Readonly<Record<string, unknown>>;
}

/** Reads and writes of resources, inside or outside of a transaction. */
export interface Resources {
  list<Name extends TableName>(table: Name, query: ListQuery): Promise<Page<Name>>;
  all<Name extends TableName>(table: Name): Promise<readonly Row<Name>[]>;
  read<Name extends TableName>(table: Name, id: string): Promise<Row<Name> | undefined>;
  insert<Name extends TableName>(table: Name, row: Rows[Name], at: string): Promise<Row<Name>>;
  /** Undefined when there is no such row. */
  update<Name extends TableName>(table: Name, row: Rows[Name], at: string): Promise<Row<Name> | undefined>;
  remove(table: TableName, where: Readonly<Record<string, unknown>>): Promise<number>;
}

/** The database of the config center. */
export interface Store extends Resources {
  /** Runs `work` in one transaction: all of it is kept or nothing. */
  transaction<T>(work: (resources: Resources, connection: Connection) => Promise<T>): Promise<T>;
  readonly connection: Kysely<Schema>;
  close(): Promise<void>;
}

/** Opens a database and brings its schema up to date. */
export async function openStore(dialect: Dialect): Promise<Store> {
  const connection = new Kysely<Schema>({ dialect });
  const { error } = await new Migrator({ db: connection, provider: migrations }).migrateToLatest();
  if (error !== undefined) throw error instanceof Error ? error : new Error(String(error));
  return {
    ...resourcesOn(connection),
    connection,
    transaction: (work) =>
      connection.transaction().execute((transaction) => work(resourcesOn(transaction), transaction)),
    close: () => connection.destroy(),
  };
}

/** A new id: the kind of thing and 96 random bits. */
export function newId(prefix: string): string {
  return `${prefix}_${randomBytes(12).toString('hex')}`;
}

function resourcesOn(db: Connection): Resources {
  async function read<Name extends TableName>(table: Name, id: string): Promise<Row<Name> | undefined> {
    const found = await db.selectFrom(table).selectAll().where('id', '=', id).executeTakeFirst();
    return found === undefined ? undefined : fromColumns(table, found);
  }

  return {
    read,
    async list(table, { page, size, keyword, where = {} }) {
      let rows = db.selectFrom(table as string);
      for (const [field, value] of Object.entries(where)) rows = rows.where(columnOf(field), '=', value);
      if (keyword !== undefined && keyword !== '') {
        // A keyword is text, not a pattern of LIKE.
        const pattern = `%${keyword.replaceAll(/[!%_]/g, '!$&')}%`;
        rows = rows.where((builder) =>
          builder.or(SEARCHED[table].map((column) => sql<boolean>`${sql.ref(column)} like ${pattern} escape '!'`)),
        );
      }
      const { count } = await rows.select((builder) => builder.fn.countAll().as('count')).executeTakeFirstOrThrow();
      const items = await rows
        .selectAll()
        .orderBy('created_at')
        .orderBy('id')
        .limit(size)
        .offset((page - 1) * size)
        .execute();
      return { items: items.map((item) => fromColumns(table, item)), total: Number(count) };
    },
    async all(table) {
      const rows = await db
        .selectFrom(table as string)
        .selectAll()
        .orderBy('id')
        .execute();
      return rows.map((row) => fromColumns(table, row));
    },
    async insert(table, row, at) {
      await db
        .insertInto(table as string)
        .values({ ...toColumns(table, { ...row }), created_at: at, updated_at: at })
        .execute();
      return { ...row, createdAt: at, updatedAt: at };
    },
    async update(table, row, at) {
      const { numUpdatedRows } = await db
        .updateTable(table as string)
        .set({ ...toColumns(table, { ...row }), updated_at: at })
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
  };
}
