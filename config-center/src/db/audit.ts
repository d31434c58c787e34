import type { AuditEntry } from '@ai-gateway/contracts';
import type { Connection } from './connection.ts';

/** An entry of the audit log that has no number yet. */
export type NewAuditEntry = Omit<AuditEntry, 'id'>;

export interface AuditQuery {
  readonly kind?: string | undefined;
  readonly rowId?: string | undefined;
  readonly actor?: string | undefined;
  readonly action?: AuditEntry['action'] | undefined;
  /** Instants that bound the entries, both included. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** Only entries with smaller numbers. */
  readonly next?: number | undefined;
  readonly size: number;
}

const json = (value: unknown) => (value === undefined ? null : JSON.stringify(value));

/** Adds an entry, within the transaction of the change that it tells of. */
export async function recordAudit(connection: Connection, entry: NewAuditEntry): Promise<void> {
  const { at, actor, action, kind, rowId, before, after } = entry;
  const row = { at, actor, action, kind, row_id: rowId, row_before: json(before), row_after: json(after) };
  await connection.insertInto('audit').values(row).execute();
}

/** Entries, the newest first. */
export async function listAudit(connection: Connection, query: AuditQuery): Promise<readonly AuditEntry[]> {
  const instant = (text: string | undefined) => text && new Date(text).toISOString();
  const bounds = [
    ['kind', '=', query.kind],
    ['row_id', '=', query.rowId],
    ['actor', '=', query.actor],
    ['action', '=', query.action],
    ['at', '>=', instant(query.from)],
    ['at', '<=', instant(query.to)],
    ['id', '<', query.next],
  ] as const;
  let rows = connection.selectFrom('audit').selectAll();
  for (const [column, operator, value] of bounds) if (value !== undefined) rows = rows.where(column, operator, value);
  const found = await rows.orderBy('id', 'desc').limit(query.size).execute();
  return found.map(entryOf);
}

/** Forgets entries from before an instant, but for those of Portkey configs, which are their versions. */
export async function forgetAudit(connection: Connection, beforeMs: number): Promise<void> {
  const before = new Date(beforeMs).toISOString();
  await connection.deleteFrom('audit').where('at', '<', before).where('kind', '!=', 'portkey_config').execute();
}

function entryOf({ id, row_id, row_before, row_after, ...rest }: Record<string, unknown>): AuditEntry {
  const entry = {
    ...rest,
    id: Number(id),
    rowId: row_id,
    ...(row_before !== null && { before: JSON.parse(String(row_before)) }),
    ...(row_after !== null && { after: JSON.parse(String(row_after)) }),
  };
  // Written by recordAudit from an entry.
  return entry as AuditEntry;
}
