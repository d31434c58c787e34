import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** What becomes of fields that a provider's protocol cannot carry. Left out where it is done already. */
export const protocols: Migration = {
  async up(db: Kysely<unknown>) {
    const tables = await db.introspection.getTables();
    const columns = tables.find(({ name }) => name === 'provider')?.columns ?? [];
    if (columns.some(({ name }) => name === 'on_unsupported')) return;
    await db.schema
      .alterTable('provider')
      .addColumn('on_unsupported', 'varchar(10)', (column) => column.notNull().defaultTo('drop'))
      .execute();
  },
};
