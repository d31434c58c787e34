import type { Kysely, Transaction } from 'kysely';

/** Tables by name; the mapping in `tables.ts` gives their columns meaning. */
export type Schema = Record<string, Record<string, unknown>>;

/** The database, inside or outside of a transaction. */
export type Connection = Kysely<Schema> | Transaction<Schema>;
