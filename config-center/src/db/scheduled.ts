import type { ScheduledRow } from '@ai-gateway/contracts';
import type { Connection } from './connection.ts';
import { cursorOf, isAfter, placeIn } from './keyset.ts';

export type NewScheduled = Pick<ScheduledRow, 'effectiveFrom' | 'createdAt' | 'actor' | 'baseRevision' | 'writes'>;

/** How a scheduled change ended. */
export interface ScheduledEnd {
  readonly status: 'done' | 'failed' | 'cancelled';
  readonly at: string;
  readonly reason?: string | undefined;
}

const MAX_REASON = 2000;

/** Adds a pending change and returns its id. */
export async function insertScheduled(connection: Connection, change: NewScheduled): Promise<number> {
  const { insertId } = await connection
    .insertInto('scheduled')
    .values({
      effective_from: change.effectiveFrom,
      status: 'pending',
      created_at: change.createdAt,
      actor: change.actor,
      base_revision: change.baseRevision,
      change_json: JSON.stringify(change.writes),
    })
    .executeTakeFirstOrThrow();
  return Number(insertId);
}

export async function readScheduled(connection: Connection, id: number): Promise<ScheduledRow | undefined> {
  const row = await connection.selectFrom('scheduled').selectAll().where('id', '=', id).executeTakeFirst();
  return row && rowOf(row);
}

/** Ends a change that is pending; false when somebody else was faster. */
export async function endScheduled(connection: Connection, id: number, end: ScheduledEnd): Promise<boolean> {
  const { numUpdatedRows } = await connection
    .updateTable('scheduled')
    .set({ status: end.status, finished_at: end.at, reason: end.reason?.slice(0, MAX_REASON) ?? null })
    .where('id', '=', id)
    .where('status', '=', 'pending')
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

/** Pending changes whose time has come, in the order of their times. */
export async function dueScheduled(connection: Connection, now: string): Promise<readonly ScheduledRow[]> {
  const rows = await connection
    .selectFrom('scheduled')
    .selectAll()
    .where('status', '=', 'pending')
    .where('effective_from', '<=', now)
    .orderBy('effective_from')
    .orderBy('id')
    .limit(100)
    .execute();
  return rows.map(rowOf);
}

/** The newest first. */
export async function listScheduled(
  connection: Connection,
  {
    status,
    cursor,
    size,
  }: { readonly status?: string | undefined; readonly cursor?: string | undefined; size: number },
): Promise<{ readonly items: ScheduledRow[]; readonly next?: string }> {
  let rows = connection.selectFrom('scheduled').selectAll();
  if (status !== undefined) rows = rows.where('status', '=', status);
  if (cursor !== undefined) {
    const place = placeIn(cursor, 1);
    rows = rows.where((builder) => isAfter(builder, ['id'], place, 'desc'));
  }
  const found = await rows
    .orderBy('id', 'desc')
    .limit(size + 1)
    .execute();
  const items = found.slice(0, size).map(rowOf);
  const last = found.length > size ? items.at(-1) : undefined;
  return { items, ...(last && { next: cursorOf([last.id]) }) };
}

function rowOf(row: Readonly<Record<string, unknown>>): ScheduledRow {
  const entry = {
    id: Number(row.id),
    effectiveFrom: row.effective_from,
    status: row.status,
    createdAt: row.created_at,
    actor: row.actor,
    baseRevision: Number(row.base_revision),
    writes: JSON.parse(String(row.change_json)),
    ...(row.reason !== null && { reason: row.reason }),
    ...(row.finished_at !== null && { finishedAt: row.finished_at }),
  };
  // Written by insertScheduled and endScheduled.
  return entry as ScheduledRow;
}
