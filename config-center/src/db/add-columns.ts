import { type Kysely, sql } from 'kysely';

/** Adds columns, each as its name and SQL type, to a table; those that are there, and a table that is not, are left alone. */
export async function addColumns(
  db: Kysely<unknown>,
  table: string,
  columns: readonly (readonly [string, string])[],
): Promise<void> {
  const tables = await db.introspection.getTables();
  const found = tables.find(({ name }) => name === table);
  if (found === undefined) return;
  const present = found.columns.map(({ name }) => name);
  for (const [name, type] of columns) {
    if (!present.includes(name)) await sql.raw(`alter table ${table} add column ${name} ${type}`).execute(db);
  }
}
