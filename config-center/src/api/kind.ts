import type { Resources } from '../db/store.ts';
import type { Rows, TableName } from '../db/tables.ts';
import { type Fault, Refusal, type RowUser } from '../domain/faults.ts';

/** What people call the rows of a table whose own name SQL has taken. */
const NAMES: { readonly [Name in TableName]?: string } = { end_user: 'user' };

/** What is particular about one kind of resource. */
export interface Kind<Name extends TableName> {
  readonly table: Name;
  readonly prefix: string;
  readonly name: string;
  /** Fields that a replacement leaves as they are. */
  readonly kept?: readonly (keyof Rows[Name] & string)[];
  /** Faults beyond the shapes of the fields, including those that need other rows. */
  readonly check: (row: Rows[Name], resources: Resources) => Promise<readonly Fault[]>;
  /** What no request could live with, and the row did not have before. */
  readonly impossible?: (row: Rows[Name], current: Rows[Name] | undefined) => readonly Fault[];
  /** Refuses, or removes what belongs to the row. */
  readonly beforeRemove: (id: string, resources: Resources) => Promise<void>;
}

/** @throws Refusal 409 */
export function refuseTwin(isTwin: boolean, path: string, message: string): void {
  if (isTwin) throw new Refusal(409, message, [{ path, message }]);
}

/** A fault when an id names nothing; an absent id is none. */
export async function exists(
  resources: Resources,
  table: TableName,
  path: string,
  id: string | undefined,
): Promise<readonly Fault[]> {
  if (id === undefined) return [];
  const row = await resources.read(table, id);
  return row === undefined
    ? [{ path, message: `There is no ${NAMES[table] ?? table.replace('_', ' ')} "${id}".` }]
    : [];
}

/** @throws Refusal 409 when another row has the same value */
export async function unique<Name extends TableName>(
  resources: Resources,
  table: Name,
  field: keyof Rows[Name] & string,
  row: Rows[Name],
): Promise<readonly Fault[]> {
  const { items } = await resources.list(table, { page: 1, size: 2, where: { [field]: row[field] } });
  if (items.every(({ id }) => id === row.id)) return [];
  const message = `There already is a ${NAMES[table] ?? table.replace('_', ' ')} with ${field} "${String(row[field])}".`;
  throw new Refusal(409, message, [{ path: field, message }]);
}

/** How a row is named to those who want to delete what it uses. */
export const userOf =
  (kind: string) =>
  ({ id, name }: { readonly id: string; readonly name: string }): RowUser => ({ kind, id, name });

/** @throws Refusal 409 naming the users */
export function refuseWhenUsed(users: readonly RowUser[]): void {
  if (users.length === 0) return;
  const named = users.slice(0, 20).map(({ kind, name }) => `${kind} "${name}"`);
  const message = `used by ${users.length}`;
  throw new Refusal(409, `It is in use by ${named.join(', ')}.`, [{ path: '', message }], { users });
}
