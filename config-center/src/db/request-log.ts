import type { RequestLogRecord } from '@ai-gateway/contracts';
import type { Connection } from './connection.ts';
import { isAfter } from './keyset.ts';
import { takeTurns } from './turns.ts';
import { INTAKE_TURNS } from './usage-migration.ts';

/** Where a page of the log ends: the instant (ms) and the number of its last row. */
export interface LogCursor {
  readonly atMs: number;
  readonly id: number;
}

export interface RequestLogQuery {
  readonly requestId?: string | undefined;
  readonly namespaceId?: string | undefined;
  readonly virtualKeyId?: string | undefined;
  readonly model?: string | undefined;
  readonly status?: number | undefined;
  readonly outcome?: RequestLogRecord['outcome'] | undefined;
  /** Instants (ms) that bound the arrival, both included. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  /** Only rows beyond this one, in the order of the page. */
  readonly after?: LogCursor | undefined;
  readonly order: 'newest' | 'oldest';
  readonly size: number;
}

/** A row of the log: its place, and the record as JSON. */
export interface LogRow extends LogCursor {
  readonly record: string;
}

/** Rows of one statement: far below the 32,766 parameters of SQLite, and a packet that MySQL takes. */
const INSERTED_AT_ONCE = 200;

/** Rows that clearing up deletes at once, so that nobody waits long for it. */
const DELETED_AT_ONCE = 1_000;

/**
 * Adds records in a transaction, and tells which are new: one that is there already is passed over. Intakes take turns,
 * so that each sees what those before it have added.
 */
export async function insertRequestLog(
  transaction: Connection,
  records: readonly RequestLogRecord[],
): Promise<readonly RequestLogRecord[]> {
  await takeTurns(transaction, INTAKE_TURNS);
  const told = [...new Map(records.map((record) => [record.recordId, record])).values()];
  const added: RequestLogRecord[] = [];
  for (let from = 0; from < told.length; from += INSERTED_AT_ONCE) {
    const some = told.slice(from, from + INSERTED_AT_ONCE);
    const known = await knownOf(transaction, some);
    const fresh = some.filter(({ recordId }) => !known.has(recordId));
    if (fresh.length > 0) await transaction.insertInto('request_log').values(fresh.map(columnsOf)).execute();
    added.push(...fresh);
  }
  return added;
}

async function knownOf(transaction: Connection, records: readonly RequestLogRecord[]): Promise<ReadonlySet<string>> {
  const ids = records.map(({ recordId }) => recordId);
  const rows = await transaction.selectFrom('request_log').select('record_id').where('record_id', 'in', ids).execute();
  return new Set(rows.map(({ record_id }) => String(record_id)));
}

/** A page of the log by its keyset: its cost does not grow with the pages before it. */
export async function listRequestLog(connection: Connection, query: RequestLogQuery): Promise<readonly LogRow[]> {
  const bounds = [
    ['request_id', '=', query.requestId],
    ['namespace_id', '=', query.namespaceId],
    ['virtual_key_id', '=', query.virtualKeyId],
    ['model', '=', query.model],
    ['status', '=', query.status],
    ['outcome', '=', query.outcome],
    ['at_ms', '>=', query.fromMs],
    ['at_ms', '<=', query.toMs],
  ] as const;
  let rows = connection.selectFrom('request_log').select(['id', 'at_ms', 'record']);
  for (const [column, operator, value] of bounds) if (value !== undefined) rows = rows.where(column, operator, value);
  const direction = query.order === 'newest' ? 'desc' : 'asc';
  const { after } = query;
  if (after !== undefined) {
    rows = rows.where((builder) => isAfter(builder, ['at_ms', 'id'], [after.atMs, after.id], direction));
  }
  const found = await rows.orderBy('at_ms', direction).orderBy('id', direction).limit(query.size).execute();
  return found.map(({ id, at_ms, record }) => ({ id: Number(id), atMs: Number(at_ms), record: String(record) }));
}

/** Forgets records of requests from before an instant, in small steps. */
export async function forgetRequestLog(connection: Connection, beforeMs: number): Promise<void> {
  for (;;) {
    const oldest = await connection
      .selectFrom('request_log')
      .select('id')
      .where('at_ms', '<', beforeMs)
      .orderBy('at_ms')
      .limit(DELETED_AT_ONCE)
      .execute();
    if (oldest.length === 0) return;
    const ids = oldest.map(({ id }) => id);
    await connection.deleteFrom('request_log').where('id', 'in', ids).execute();
  }
}

function columnsOf(record: RequestLogRecord): Record<string, unknown> {
  return {
    record_id: record.recordId,
    at_ms: Date.parse(record.at),
    request_id: record.requestId.slice(0, 64),
    namespace_id: record.namespaceId ?? null,
    virtual_key_id: record.virtualKeyId ?? null,
    model: (record.resolvedModel || record.requestedModel).slice(0, 200),
    status: record.status,
    outcome: record.outcome,
    record: JSON.stringify(record),
  };
}
