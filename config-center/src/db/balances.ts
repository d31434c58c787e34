import { sql } from 'kysely';
import type { Connection } from './connection.ts';
import { isMysql } from './is-mysql.ts';

/** Rows of one statement: far below the 32,766 parameters of SQLite. */
const READ_AT_ONCE = 5_000;

/** Gives accounts that have none a balance of nothing. */
export async function openBalances(connection: Connection, accountIds: readonly string[]): Promise<void> {
  const known = await balancesOf(connection, accountIds);
  const missing = accountIds.filter((id) => !known.has(id));
  if (missing.length === 0) return;
  await connection
    .insertInto('account_balance')
    .values(missing.map((account_id) => ({ account_id, balance: 0 })))
    .execute();
}

/** Balances in nano-units by account; accounts that are not there are left out. */
export async function balancesOf(
  connection: Connection,
  accountIds: readonly string[],
): Promise<ReadonlyMap<string, bigint>> {
  const balances = new Map<string, bigint>();
  for (let from = 0; from < accountIds.length; from += READ_AT_ONCE) {
    const some = await readBalances(balanceQuery(connection, accountIds.slice(from, from + READ_AT_ONCE)));
    for (const [id, balance] of some) balances.set(id, balance);
  }
  return balances;
}

/** The same, held until the transaction ends: whoever else wants to change them waits. */
export async function lockBalances(
  connection: Connection,
  accountIds: readonly string[],
): Promise<ReadonlyMap<string, bigint>> {
  if (accountIds.length === 0) return new Map();
  const query = balanceQuery(connection, accountIds);
  return readBalances(isMysql(connection) ? query.forUpdate() : query);
}

/** Writes a balance down, in the transaction that adds the entry which moves it. */
export async function setBalance(connection: Connection, accountId: string, balance: bigint): Promise<void> {
  // A decimal text is taken as the integer that it is, by either database.
  const row = { balance: String(balance) };
  await connection.updateTable('account_balance').set(row).where('account_id', '=', accountId).execute();
}

/** As text: a double does not hold every balance. */
export function exact(column: string) {
  return sql<string>`cast(${sql.ref(column)} as char)`.as(column);
}

function balanceQuery(connection: Connection, accountIds: readonly string[]) {
  return connection
    .selectFrom('account_balance')
    .select(['account_id', exact('balance')])
    .where('account_id', 'in', accountIds)
    .orderBy('account_id');
}

async function readBalances(query: ReturnType<typeof balanceQuery>): Promise<ReadonlyMap<string, bigint>> {
  const rows = await query.execute();
  return new Map(rows.map(({ account_id, balance }) => [String(account_id), BigInt(String(balance))]));
}
