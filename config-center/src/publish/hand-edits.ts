import { type BodyRow, byId, type ListChange } from '@ai-gateway/contracts';
import { sql } from 'kysely';
import { withoutSecrets } from '../db/audited.ts';
import type { Connection } from '../db/connection.ts';
import { isMysql } from '../db/is-mysql.ts';
import type { Resources } from '../db/store.ts';
import type { TableName } from '../db/tables.ts';
import { LISTS, ruleOf, type SnapshotContent } from '../domain/build-snapshot.ts';
import { type RuleLists, sharedWith } from '../domain/changed-rows.ts';
import { KINDS } from '../domain/sound-content.ts';

/** Something for each table that is another once its rows have changed; `*` stands for all of them. */
export type Fingerprint = Readonly<Record<string, string>>;

const ALL = '*';

/**
 * Reads the fingerprint of tables, of all without a choice. SQLite counts the commits of other connections; MySQL sums
 * up the contents of the tables.
 */
export async function fingerprintOf(
  connection: Connection,
  tables: readonly TableName[] = LISTS.map(([, table]) => table),
): Promise<Fingerprint> {
  if (!isMysql(connection)) {
    const { rows } = await sql<{ data_version: number }>`pragma data_version`.execute(connection);
    return { [ALL]: String(rows[0]?.data_version) };
  }
  if (tables.length === 0) return {};
  const { rows } = await sql<{
    Table: string;
    Checksum: unknown;
  }>`checksum table ${sql.join(tables.map((name) => sql.table(name)))}`.execute(connection);
  // The server names them with their database.
  return Object.fromEntries(rows.map(({ Table, Checksum }) => [Table.slice(Table.indexOf('.') + 1), String(Checksum)]));
}

/** Tables whose rows may have changed between two fingerprints. */
export function tablesBetween(before: Fingerprint, after: Fingerprint): readonly TableName[] {
  const isSame = (table: string) => before[table] !== undefined && before[table] === after[table];
  return isSame(ALL) ? [] : LISTS.map(([, table]) => table).filter((table) => !isSame(table));
}

/** Rules with the rows of some tables as they are now. */
export async function readTables(
  resources: Resources,
  tables: readonly TableName[],
  { asRead, lists }: { readonly asRead: SnapshotContent; readonly lists: RuleLists },
): Promise<SnapshotContent> {
  const read: [string, readonly BodyRow[]][] = [];
  for (const [list, table] of LISTS) {
    if (!tables.includes(table)) continue;
    const published = lists.find(({ name }) => name === list);
    read.push([list, sharedWith(published, (await resources.all(table)).map(ruleOf))]);
  }
  return { ...asRead, ...Object.fromEntries(read) };
}

/** Rules with some rows as they are now, by table and id. */
export async function readRows(
  resources: Resources,
  touched: ReadonlyMap<TableName, ReadonlySet<string>>,
  { asRead, lists }: { readonly asRead: SnapshotContent; readonly lists: RuleLists },
): Promise<SnapshotContent> {
  const many = [...touched].filter(([, ids]) => ids.size > MANY).map(([table]) => table);
  let content = await readTables(resources, many, { asRead, lists });
  for (const [list, table] of LISTS) {
    const ids = touched.get(table);
    if (ids === undefined || many.includes(table)) continue;
    const fresh: BodyRow[] = [];
    for (const id of ids) {
      const row = await resources.read(table, id);
      if (row !== undefined) fresh.push(ruleOf(row));
    }
    const others = (content[list] as readonly BodyRow[]).filter(({ id }) => !ids.has(id));
    content = { ...content, [list]: [...others, ...fresh].sort(byId) };
  }
  return content;
}

/** So many rows of a table are read as fast all at once. */
const MANY = 200;

/** A difference between what was published and the rows as they are: every change of ours publishes at once. */
interface Edit {
  readonly table: TableName;
  readonly rowId: string;
  readonly before: BodyRow | undefined;
  readonly after: BodyRow | undefined;
}

/** Tells the audit log what was edited by hand, and raises the versions of the edited rows. */
export async function adoptEdits(
  { resources, connection, at }: { resources: Resources; connection: Connection; at: string },
  published: RuleLists,
  changes: Readonly<Record<string, ListChange>>,
): Promise<void> {
  for (const { table, rowId, before, after } of editsIn(published, changes)) {
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

const SHAPES = new Map(KINDS.map(({ list, shape }) => [list, shape]));

function editsIn(published: RuleLists, changes: Readonly<Record<string, ListChange>>): Edit[] {
  return LISTS.flatMap(([list, table]) => {
    const change = changes[list];
    const known = published.find(({ name }) => name === list);
    // A revision of an older release may not know the list.
    if (change === undefined || known === undefined) return [];
    const before = new Map(known.rows.map((row) => [row.id, row]));
    // With the defaults of today: a field that a newer release has added was not edited by anybody.
    const read = (row: BodyRow) => JSON.stringify(SHAPES.get(list)?.safeParse(row).data ?? row);
    const put = change.put.filter((after) => {
      const earlier = before.get(after.id);
      return earlier === undefined || read(earlier) !== read(after);
    });
    return [
      ...put.map((after) => ({ table, rowId: after.id, before: before.get(after.id), after })),
      ...change.removed.map((rowId) => ({ table, rowId, before: before.get(rowId), after: undefined })),
    ];
  });
}
