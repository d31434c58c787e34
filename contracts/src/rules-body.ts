import { z } from 'zod';

/** Which rules a body holds; leads the body. */
export interface BodyHead {
  readonly epoch: string;
  readonly revision: number;
  readonly createdAt: string;
}

/** A row of the rules as JSON. */
export interface BodyRow {
  readonly id: string;
  readonly [field: string]: unknown;
}

/** One list of a body: its rows in order of their ids, each with its text. */
export interface RuleList<Row> {
  readonly name: string;
  readonly rows: readonly Row[];
  readonly texts: readonly string[];
}

const change = z.object({ put: z.array(z.looseObject({ id: z.string() })), removed: z.array(z.string()) });

/**
 * What makes a revision of the one before it. The sha256 of the body tells whether it was applied to the right one: the
 * result is the same body, byte for byte.
 */
export const rulesDelta = z.object({
  /** The revision that it is applied to. */
  after: z.number().int(),
  epoch: z.string(),
  revision: z.number().int(),
  createdAt: z.string(),
  lists: z.record(z.string(), change),
});

export type RulesDelta = z.infer<typeof rulesDelta>;
export type ListChange = z.infer<typeof change>;

/** Rows that are put into one part of a body: small enough that nobody waits for it. */
const ROWS_PER_PART = 2_000;

/** The body of a snapshot in parts; put together they are its JSON. */
export function* bodyParts(head: BodyHead, lists: readonly Omit<RuleList<unknown>, 'rows'>[]): Generator<string> {
  const { epoch, revision, createdAt } = head;
  yield JSON.stringify({ epoch, revision, createdAt }).slice(0, -1);
  for (const { name, texts } of lists) {
    yield `,${JSON.stringify(name)}:[`;
    for (let start = 0; start < texts.length; start += ROWS_PER_PART) {
      const part = texts.slice(start, start + ROWS_PER_PART).join(',');
      yield start === 0 ? part : `,${part}`;
    }
    yield ']';
  }
  yield '}';
}

/** A list with some rows put in or replaced and others removed. Its cost is that of copying references. */
export function patchList<Row extends { readonly id: string }>(
  list: RuleList<Row>,
  { put, removed }: ListChange,
  rowOf: (row: BodyRow) => Row,
): RuleList<Row> {
  const rows = [...list.rows];
  const texts = [...list.texts];
  for (const id of removed) {
    const place = placeOf(rows, id);
    if (rows[place]?.id !== id) continue;
    rows.splice(place, 1);
    texts.splice(place, 1);
  }
  for (const row of put) {
    const place = placeOf(rows, row.id);
    const replaced = rows[place]?.id === row.id ? 1 : 0;
    rows.splice(place, replaced, rowOf(row));
    texts.splice(place, replaced, JSON.stringify(row));
  }
  return { name: list.name, rows, texts };
}

/** The deltas that lead from one revision to another, in order; undefined when one of them is missing. */
export function deltasBetween<Delta extends Pick<RulesDelta, 'after' | 'revision'>>(
  deltas: readonly Delta[],
  from: number,
  to: number,
): readonly Delta[] | undefined {
  const start = deltas.findIndex(({ after }) => after === from);
  const end = deltas.findIndex(({ revision }) => revision === to);
  if (start === -1 || end < start) return undefined;
  const chain = deltas.slice(start, end + 1);
  return chain.every(({ after }, index) => index === 0 || after === chain[index - 1]?.revision) ? chain : undefined;
}

/** The order of texts by code units, the same on every machine. */
export function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** By id, as lists are ordered: code units, whatever a database's own order is. */
export function byId(left: { readonly id: string }, right: { readonly id: string }): number {
  return compareText(left.id, right.id);
}

/** Where a row is, or would be. */
function placeOf(rows: readonly { readonly id: string }[], id: string): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((rows[middle]?.id ?? '') < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
