import { sql } from 'kysely';
import { withoutSecrets } from '../db/audited.ts';
import type { Connection } from '../db/connection.ts';
import { isMysql } from '../db/is-mysql.ts';
import type { Resources } from '../db/store.ts';
import { TABLES, type TableName } from '../db/tables.ts';
import type { SnapshotContent } from '../domain/build-snapshot.ts';
import { KINDS } from '../domain/sound-content.ts';

/**
 * Something that is another once anybody else has changed a row, also by hand. SQLite counts the commits of other
 * connections; MySQL sums up the contents of the tables.
 */
export async function fingerprintOf(connection: Connection): Promise<string> {
  const statement = isMysql(connection)
    ? sql`checksum table ${sql.join(Object.keys(TABLES).map((name) => sql.table(name)))}`
    : sql`pragma data_version`;
  return JSON.stringify((await statement.execute(connection)).rows);
}

/** A difference between what was published and the rows as they are: every change of ours publishes at once. */
interface Edit {
  readonly table: TableName;
  readonly rowId: string;
  readonly before?: Record<string, unknown>;
  readonly after?: Record<string, unknown>;
}

/** Tells the audit log what was edited by hand, and raises the versions of the edited rows. */
export async function adoptEdits(
  { resources, connection, at }: { resources: Resources; connection: Connection; at: string },
  published: SnapshotContent,
  now: SnapshotContent,
): Promise<void> {
  for (const { table, rowId, before, after } of editsBetween(published, now)) {
    const action = actionOf(before, after);
    const shown = { ...(before && { before: withoutSecrets(before) }), ...(after && { after: withoutSecrets(after) }) };
    await resources.record({ at, actor: 'sql', action, kind: table, rowId, ...shown });
    if (action !== 'update') continue;
    await connection
      .updateTable(table as string)
      .set({ version: sql`version + 1`, updated_at: at })
      .where('id', '=', rowId)
      .execute();
  }
}

function actionOf(before: unknown, after: unknown): 'create' | 'update' | 'delete' {
  if (before === undefined) return 'create';
  return after === undefined ? 'delete' : 'update';
}

function editsBetween(published: SnapshotContent, now: SnapshotContent): Edit[] {
  return KINDS.flatMap(({ list, table, shape }) => {
    // A revision of an older release may not know the kind.
    if (published[list] === undefined) return [];
    // With the defaults of today: a field that a newer release has added was not edited by anybody.
    const read = (row: { id: string }) =>
      [row.id, (shape.safeParse(row).data ?? row) as Record<string, unknown>] as const;
    const before = new Map(published[list].map(read));
    const after = new Map(now[list].map(read));
    const ids = [...new Set([...before.keys(), ...after.keys()])];
    return ids
      .map((rowId) => ({ table, rowId, before: before.get(rowId), after: after.get(rowId) }))
      .filter((edit) => JSON.stringify(edit.before) !== JSON.stringify(edit.after))
      .map(({ before: old, after: fresh, ...edit }) => ({
        ...edit,
        ...(old && { before: old }),
        ...(fresh && { after: fresh }),
      }));
  });
}
