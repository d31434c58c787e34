import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import { addColumns } from './add-columns.ts';

/** Namespaces and locations may say by themselves what becomes of what a provider or model cannot do. */
export const unsupported: Migration = {
  async up(db: Kysely<unknown>) {
    await addColumns(db, 'namespace', [['on_unsupported', 'varchar(10)']]);
    await addColumns(db, 'location', [['on_unsupported', 'varchar(10)']]);
  },
};
