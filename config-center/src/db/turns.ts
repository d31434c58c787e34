import type { Connection } from './connection.ts';

/**
 * Lets transactions of one kind happen one after the other, also those of several config centers: each sees all that came
 * before it. Being the first statement, it also makes SQLite wait for others here instead of failing later.
 * @param name of the row of `meta` that they lock
 */
export async function takeTurns(transaction: Connection, name: string): Promise<void> {
  await transaction.updateTable('meta').set({ value: '' }).where('name', '=', name).execute();
}
