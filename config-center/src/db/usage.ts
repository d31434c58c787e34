import type { RequestLogRecord, UsageDimension } from '@ai-gateway/contracts';
import { indexPrices, type PriceIndex } from '@ai-gateway/limits';
import { type RawBuilder, sql } from 'kysely';
import { HOUR_MS, type UsageTotals, usageHours } from '../domain/usage-hours.ts';
import type { UsageQuestion } from '../domain/usage-question.ts';
import type { Connection } from './connection.ts';
import { isMysql } from './is-mysql.ts';
import { columnOf, fromColumns } from './tables.ts';

const TABLE = 'usage_hour';

/** Columns that say whose sums a row holds, and those of the sums. */
const KEYS = ['hour_ms', 'namespace_id', 'virtual_key_id', 'user_id', 'tenant_id', 'provider_id', 'model'];
const SUMS = ['requests', 'refused', 'cut', 'errors', 'input_tokens', 'output_tokens', 'cost_nanos', 'unpriced'];

/** What a group is grouped by (instants in ms, ids empty where there are none), and its sums. */
export interface UsageGroup extends UsageTotals {
  readonly group: Readonly<Partial<Record<UsageDimension, string>>>;
}

/** Adds records to the sums of their hours. To be called once for each record, in the transaction that keeps it. */
export async function addUsage(transaction: Connection, records: readonly RequestLogRecord[]): Promise<void> {
  if (records.length === 0) return;
  const hours = usageHours(records, await pricesFor(transaction, records));
  const rows = hours.map((hour) =>
    Object.fromEntries(
      Object.entries(hour).map(([name, value]) => [
        columnOf(name),
        // Reaches every database whole, as text.
        typeof value === 'bigint' ? String(value) : value,
      ]),
    ),
  );
  const insert = transaction.insertInto(TABLE).values(rows);
  const added = (given: (name: string) => RawBuilder<unknown>) =>
    Object.fromEntries(SUMS.map((name) => [name, sql`${sql.ref(`${TABLE}.${name}`)} + ${given(name)}`]));
  await (isMysql(transaction)
    ? insert.onDuplicateKeyUpdate(added((name) => sql`values(${sql.ref(name)})`))
    : insert.onConflict((conflict) =>
        conflict.columns(KEYS).doUpdateSet(added((name) => sql`${sql.ref(`excluded.${name}`)}`)),
      )
  ).execute();
}

/** Groups of usage in the order that is asked for, as many as are asked for. */
export async function readUsage(connection: Connection, question: UsageQuestion): Promise<readonly UsageGroup[]> {
  const { groupBy, order, limit } = question;
  const keys = groupBy.map((dimension) => EXPRESSIONS[dimension]);
  let rows = sumsIn(connection, question)
    .select(groupBy.map((dimension) => EXPRESSIONS[dimension].as(dimension)))
    .orderBy(sortedBy(question), order);
  if (keys.length > 0) rows = rows.groupBy(keys);
  // Groups that are equal in what is sorted by stand in one order, whatever the database does.
  for (const key of keys) rows = rows.orderBy(key);
  const found = await rows.limit(limit).execute();
  return found.map((row) => ({
    ...totalsOf(row),
    group: Object.fromEntries(groupBy.map((dimension) => [dimension, String(row[dimension])])),
  }));
}

/** Sums over all that is asked for, whatever the groups: as long a look as that for groups. */
export async function readUsageTotals(connection: Connection, question: UsageQuestion): Promise<UsageTotals> {
  return totalsOf(await sumsIn(connection, question).executeTakeFirstOrThrow());
}

/** Forgets sums of hours from before an instant, hour by hour. */
export async function forgetUsage(connection: Connection, beforeMs: number): Promise<void> {
  for (;;) {
    const oldest = await connection
      .selectFrom(TABLE)
      .select((builder) => builder.fn.min('hour_ms').as('hour_ms'))
      .executeTakeFirst();
    const hourMs = oldest?.hour_ms;
    if (hourMs === null || hourMs === undefined || Number(hourMs) + HOUR_MS > beforeMs) return;
    await connection.deleteFrom(TABLE).where('hour_ms', '=', hourMs).execute();
  }
}

const EXPRESSIONS: Readonly<Record<UsageDimension, RawBuilder<unknown>>> = {
  namespace: sql`namespace_id`,
  virtualKey: sql`virtual_key_id`,
  user: sql`user_id`,
  tenant: sql`tenant_id`,
  provider: sql`provider_id`,
  model: sql`model`,
  hour: sql`hour_ms`,
  day: sql`hour_ms - hour_ms % 86400000`,
};

function sumsIn(connection: Connection, { fromMs, toMs, filters }: UsageQuestion) {
  // As text, since a sum of money may be too large for a double.
  const sums = SUMS.map((name) => sql`cast(coalesce(${sumOf(name)}, 0) as char)`.as(name));
  let rows = connection.selectFrom(TABLE).select(sums).where('hour_ms', '>=', fromMs).where('hour_ms', '<', toMs);
  for (const [field, value] of Object.entries(filters))
    if (value !== undefined) rows = rows.where(columnOf(field), '=', value);
  return rows;
}

function sortedBy({ sort }: UsageQuestion): RawBuilder<unknown> {
  return sort === 'time' ? sql`min(hour_ms)` : sumOf(sort === 'cost' ? 'cost_nanos' : columnOf(sort));
}

/** The column is named with its table, since the sum bears its name. */
function sumOf(column: string): RawBuilder<unknown> {
  return sql`sum(${sql.ref(`${TABLE}.${column}`)})`;
}

function totalsOf(row: Readonly<Record<string, unknown>>): UsageTotals {
  return {
    requests: Number(row.requests),
    refused: Number(row.refused),
    cut: Number(row.cut),
    errors: Number(row.errors),
    inputTokens: Number(row.input_tokens),
    outputTokens: Number(row.output_tokens),
    costNanos: BigInt(String(row.cost_nanos)),
    unpriced: Number(row.unpriced),
  };
}

async function pricesFor(connection: Connection, records: readonly RequestLogRecord[]): Promise<PriceIndex> {
  const ids = [...new Set(records.flatMap(({ providerId }) => providerId ?? []))];
  if (ids.length === 0) return indexPrices([]);
  const rows = await connection.selectFrom('price').selectAll().where('provider_id', 'in', ids).execute();
  return indexPrices(rows.map((row) => fromColumns('price', row)));
}
