import { type BodyRow, byId, type ListChange, type RuleList } from '@ai-gateway/contracts';
import type { SnapshotContent } from './build-snapshot.ts';

/** The rules as published: list by list, each row with its text. */
export type RuleLists = readonly RuleList<BodyRow>[];

/** The rows of lists by name. */
export function contentOf(lists: RuleLists): SnapshotContent {
  // Lists are made of checked content alone.
  return Object.fromEntries(lists.map(({ name, rows }) => [name, rows])) as unknown as SnapshotContent;
}

/** Content as lists, in the order of its fields. */
export function listsOf(content: SnapshotContent): RuleLists {
  return listsIn(content).map(([name, rows]) => {
    const sorted = [...rows].sort(byId);
    return { name, rows: sorted, texts: sorted.map((row) => JSON.stringify(row)) };
  });
}

/** What makes the lists hold the content, by name of the list; lists without a change are left out. */
export function changesBetween(lists: RuleLists, content: SnapshotContent): Readonly<Record<string, ListChange>> {
  const before = new Map(lists.map((list) => [list.name, list]));
  const changes = listsIn(content).map(([name, rows]) => [name, changeOf(before.get(name), rows)] as const);
  return Object.fromEntries(changes.filter(([, { put, removed }]) => put.length + removed.length > 0));
}

/** Whether content has other lists than those, as after an upgrade. */
export function hasOtherLists(lists: RuleLists, content: SnapshotContent): boolean {
  return lists.map(({ name }) => name).join() !== Object.keys(content).join();
}

/** Whether two contents with the same lists have the same rows; those that are the same objects cost nothing. */
export function hasSameRows(left: SnapshotContent, right: SnapshotContent): boolean {
  const others = new Map(listsIn(right));
  return listsIn(left).every(([name, rows]) => {
    const other = others.get(name) ?? [];
    const isSame = (row: BodyRow, index: number) =>
      row === other[index] || JSON.stringify(row) === JSON.stringify(other[index]);
    return rows.length === other.length && rows.every(isSame);
  });
}

/** How many rows differ. */
export function countChanges(lists: RuleLists, changes: Readonly<Record<string, ListChange>>) {
  const known = new Map(lists.map(({ name, rows }) => [name, rows]));
  const counts = { added: 0, removed: 0, changed: 0 };
  for (const [name, { put, removed }] of Object.entries(changes)) {
    const wanted = new Set(put.map(({ id }) => id));
    const changed = (known.get(name) ?? []).filter(({ id }) => wanted.has(id)).length;
    counts.changed += changed;
    counts.added += put.length - changed;
    counts.removed += removed.length;
  }
  return counts;
}

/**
 * Rows in order of their ids, each the very object that is in the list where its text is the same: what has not changed
 * is then seen at once.
 */
export function sharedWith(list: RuleList<BodyRow> | undefined, rows: readonly BodyRow[]): readonly BodyRow[] {
  const known = new Map(list?.rows.map((row, index) => [row.id, index]));
  return [...rows].sort(byId).map((row) => {
    const index = known.get(row.id);
    const before = index === undefined ? undefined : list?.rows[index];
    if (index === undefined || before === undefined) return row;
    return list?.texts[index] === JSON.stringify(row) ? before : row;
  });
}

/** Both are in order of their ids. */
function changeOf(list: RuleList<BodyRow> | undefined, rows: readonly BodyRow[]): ListChange {
  const put: BodyRow[] = [];
  const removed: string[] = [];
  const before = list?.rows ?? [];
  let at = 0;
  const passOver = (isPassed: (id: string) => boolean) => {
    for (let row = before[at]; row !== undefined && isPassed(row.id); row = before[++at]) removed.push(row.id);
  };
  for (const row of rows) {
    passOver((id) => id < row.id);
    const old = before[at];
    if (old?.id !== row.id) {
      put.push(row);
      continue;
    }
    if (old !== row && list?.texts[at] !== JSON.stringify(row)) put.push(row);
    at++;
  }
  passOver(() => true);
  return { put, removed };
}

function listsIn(content: SnapshotContent): readonly (readonly [string, readonly BodyRow[]])[] {
  // Every list of the content holds rows with ids.
  return Object.entries(content) as unknown as readonly (readonly [string, readonly BodyRow[]])[];
}
