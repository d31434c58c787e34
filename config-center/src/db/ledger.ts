import { amountOf, type LedgerEntry, type LedgerEntryDraft, nanosOf } from '@ai-gateway/contracts';
import { balanceAfter, type Charge } from '../domain/charges.ts';
import { Refusal } from '../domain/faults.ts';
import { exact, lockBalances, openBalances, setBalance } from './balances.ts';
import type { Connection } from './connection.ts';
import { isAfter, type KeysetValue } from './keyset.ts';

/** Rows of one statement: far below the 32,766 parameters of SQLite. */
const INSERTED_AT_ONCE = 200;

/** Who books an entry by hand, and when. */
export interface Booking {
  readonly accountId: string;
  readonly draft: LedgerEntryDraft;
  readonly actor: string;
  readonly at: string;
}

/** A page of the ledger of one account, the newest entry first. */
export interface LedgerQuery {
  readonly accountId: string;
  readonly kind?: LedgerEntry['kind'] | undefined;
  readonly after?: readonly KeysetValue[] | undefined;
  readonly size: number;
}

/**
 * Books an entry, or finds the one that has its idempotency key already.
 * @param connection of a change, since those take turns
 * @throws Refusal 400 when the balance would be too large
 */
export async function bookEntry(connection: Connection, { accountId, draft, actor, at }: Booking) {
  const { kind, note, idempotencyKey } = draft;
  const ofKey = { account_id: accountId, idempotency_key: idempotencyKey };
  const [twin] = await entriesWhere(connection, ofKey);
  if (twin !== undefined) return { entry: twin, isNew: false };

  await openBalances(connection, [accountId]);
  const before = (await lockBalances(connection, [accountId])).get(accountId) ?? 0n;
  const balance = balanceAfter(before, nanosOf(draft.amount));
  if (balance - before !== nanosOf(draft.amount)) {
    const message = 'The balance would be too large.';
    throw new Refusal(400, message, [{ path: 'amount', message }]);
  }
  await connection
    .insertInto('ledger_entry')
    .values({
      ...ofKey,
      kind,
      at,
      actor,
      note: note ?? null,
      amount: String(balance - before),
      balance: String(balance),
    })
    .execute();
  await setBalance(connection, accountId, balance);
  const [entry] = await entriesWhere(connection, ofKey);
  if (entry === undefined) throw new Error('the entry that was booked is not there');
  return { entry, isNew: true };
}

/**
 * Posts the charges of requests, in the transaction that writes their records down: one that was posted already is passed
 * over, and so is one whose account is gone. Balances may go below any limit.
 */
export async function postCharges(
  connection: Connection,
  charges: ReadonlyMap<string, readonly Charge[]>,
  at: string,
): Promise<void> {
  // Bookings wait for them until the end, so that none is lost.
  const balances = await lockBalances(connection, [...charges.keys()].sort());
  const recordIds = [...charges.values()].flatMap((own) => own.map(({ record }) => record.recordId));
  const posted = await postedAmong(connection, recordIds);
  const rows: Record<string, unknown>[] = [];
  for (const [accountId, before] of balances) {
    let balance = before;
    for (const { nanos, record } of charges.get(accountId) ?? []) {
      if (posted.has(record.recordId)) continue;
      const after = balanceAfter(balance, -nanos);
      rows.push({ ...usageColumns(record, at), amount: String(after - balance), balance: String(after) });
      balance = after;
    }
    if (balance !== before) await setBalance(connection, accountId, balance);
  }
  for (let from = 0; from < rows.length; from += INSERTED_AT_ONCE) {
    const some = rows.slice(from, from + INSERTED_AT_ONCE);
    await connection.insertInto('ledger_entry').values(some).execute();
  }
}

/** A page of the ledger by its keyset. */
export async function listEntries(
  connection: Connection,
  { accountId, kind, after, size }: LedgerQuery,
): Promise<readonly LedgerEntry[]> {
  let rows = entryQuery(connection).where('account_id', '=', accountId);
  if (kind !== undefined) rows = rows.where('kind', '=', kind);
  if (after !== undefined) rows = rows.where((builder) => isAfter(builder, ['id'], after, 'desc'));
  return (await rows.orderBy('id', 'desc').limit(size).execute()).map(entryOf);
}

/** Removes the balance of an account without entries; false when it has some, which are never removed. */
export async function closeBalance(connection: Connection, accountId: string): Promise<boolean> {
  await lockBalances(connection, [accountId]);
  const [entry] = await listEntries(connection, { accountId, size: 1 });
  if (entry !== undefined) return false;
  await connection.deleteFrom('account_balance').where('account_id', '=', accountId).execute();
  return true;
}

async function postedAmong(connection: Connection, recordIds: readonly string[]): Promise<ReadonlySet<string>> {
  if (recordIds.length === 0) return new Set();
  const found = await connection
    .selectFrom('ledger_entry')
    .select('record_id')
    .where('record_id', 'in', recordIds)
    .execute();
  return new Set(found.map(({ record_id }) => String(record_id)));
}

function entryQuery(connection: Connection) {
  const columns = ['id', 'account_id', 'kind', 'at', 'actor', 'note', 'idempotency_key', 'record_id', 'charged'];
  return connection.selectFrom('ledger_entry').select([...columns, exact('amount'), exact('balance')]);
}

async function entriesWhere(
  connection: Connection,
  where: Readonly<Record<string, string>>,
): Promise<readonly LedgerEntry[]> {
  let rows = entryQuery(connection);
  for (const [column, value] of Object.entries(where)) rows = rows.where(column, '=', value);
  return (await rows.execute()).map(entryOf);
}

function usageColumns({ charge, recordId, ...record }: Charge['record'], at: string): Record<string, unknown> {
  const { requestId, virtualKeyId, provider, resolvedModel: model, inputTokens, outputTokens } = record;
  const { accountId, ...price } = charge ?? {};
  const charged = { requestId, virtualKeyId, provider, model, inputTokens, outputTokens, ...price };
  const row = { account_id: accountId, kind: 'usage', at, actor: 'billing', record_id: recordId };
  return { ...row, charged: JSON.stringify(charged) };
}

function entryOf(row: Record<string, unknown>): LedgerEntry {
  const { id, account_id, kind, amount, balance, at, actor, note, idempotency_key, record_id, charged } = row;
  const entry = {
    id: Number(id),
    accountId: account_id,
    kind,
    amount: amountOf(BigInt(String(amount))),
    balance: amountOf(BigInt(String(balance))),
    at,
    actor,
    ...(note !== null && { note }),
    ...(idempotency_key !== null && { idempotencyKey: idempotency_key }),
    ...(charged !== null && { usage: { recordId: record_id, ...JSON.parse(String(charged)) } }),
  };
  // Written by this file.
  return entry as LedgerEntry;
}
