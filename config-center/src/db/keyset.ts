import type { Expression, ExpressionBuilder, SqlBool } from 'kysely';
import { Refusal } from '../domain/faults.ts';
import type { Schema } from './connection.ts';

/** What a row is sorted by. */
export type KeysetValue = string | number;

/** The place after a row as a text that callers hand back unread. */
export function cursorOf(values: readonly KeysetValue[]): string {
  return Buffer.from(JSON.stringify(values)).toString('base64url');
}

/**
 * The place that a cursor names.
 * @param count of the columns that the rows are sorted by
 * @throws Refusal 400 when it is none of ours
 */
export function placeIn(cursor: string, count: number): readonly KeysetValue[] {
  const values = parsed(cursor);
  const isOurs =
    Array.isArray(values) &&
    values.length === count &&
    values.every((value) => typeof value === 'string' || typeof value === 'number');
  if (isOurs) return values;
  const message = 'It is no cursor of this list: take `next` of the page before.';
  throw new Refusal(400, 'The request is not valid.', [{ path: 'cursor', message }]);
}

/**
 * Whether a row comes after a place, for `where`: an index over the columns finds it without reading what is before,
 * however long the list.
 * @param columns that the rows are sorted by, all in one direction, the last of them unique
 */
export function isAfter(
  builder: ExpressionBuilder<Schema, string>,
  columns: readonly string[],
  place: readonly KeysetValue[],
  direction: 'asc' | 'desc',
): Expression<SqlBool> {
  const operator = direction === 'asc' ? '>' : '<';
  // One step for each column: all before it are equal, it is further.
  const steps = columns.map((column, index) =>
    builder.and([
      ...columns.slice(0, index).map((equal, at) => builder(equal, '=', place[at])),
      builder(column, operator, place[index]),
    ]),
  );
  const [first] = columns;
  // Said by itself as well, since planners seldom find the range in a disjunction.
  const bound = first === undefined ? [] : [builder(first, `${operator}=`, place[0])];
  return builder.and([...bound, builder.or(steps)]);
}

function parsed(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    return undefined;
  }
}
