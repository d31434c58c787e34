import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type BodyHead,
  type BodyRow,
  bodyParts,
  deltasBetween,
  patchList,
  type RuleList,
  rulesDelta,
  type Snapshot,
  snapshotRowShape,
  snapshotShape,
} from '@ai-gateway/contracts';
import { z } from 'zod';

/** Rules as a source hands them over: whole, or what leads to them from those in force, or both. */
export interface OfferedRules {
  readonly revision: number;
  /** Of the body, also where only deltas are handed over. */
  readonly sha256: string;
  /** Empty when there is none; whoever puts the rules in force checks it. */
  readonly signature: string;
  readonly body?: string | undefined;
  /** JSON of a list of deltas. */
  readonly deltas?: string | undefined;
}

/** Rules that have been checked, with the text of every row, so that deltas can be applied and the result verified. */
export interface CheckedRules {
  readonly sha256: string;
  readonly snapshot: Snapshot;
  readonly lists: readonly RuleList<BodyRow>[];
}

const deltaList = z.array(rulesDelta);

/** Rows whose text is made at a time: short enough that no request notices. */
const ROWS_AT_ONCE = 2_000;

/**
 * The rules of a whole body. One that does not have the hash may be of an earlier revision, from which deltas lead on.
 * @throws Error that says what is wrong
 */
export async function checkedBody(offered: OfferedRules): Promise<CheckedRules> {
  const { sha256, body = '', deltas } = offered;
  if (hashOf(body) === sha256) return checked(body, sha256);
  const earlier = deltas === undefined ? undefined : await checked(body, hashOf(body)).catch(() => undefined);
  const led = earlier && (await withDeltas(earlier, offered));
  if (led === undefined) throw new Error('the snapshot does not match its sha256');
  return led;
}

/** The rules that deltas lead to from others; undefined when they do not, or when the result has another hash. */
export async function withDeltas(
  from: CheckedRules,
  { revision, sha256, deltas = '[]' }: OfferedRules,
): Promise<CheckedRules | undefined> {
  const parsed = deltaList.safeParse(jsonIn(deltas));
  const chain = parsed.success ? deltasBetween(parsed.data, from.snapshot.revision, revision) : undefined;
  if (chain === undefined || chain.some(({ epoch }) => epoch !== from.snapshot.epoch)) return undefined;
  try {
    let { lists } = from;
    let head: BodyHead = from.snapshot;
    for (const delta of chain) {
      lists = lists.map((list) => {
        const change = delta.lists[list.name];
        return change === undefined ? list : patchList(list, change, rowReader(list.name));
      });
      head = { epoch: delta.epoch, revision: delta.revision, createdAt: delta.createdAt };
    }
    if ((await hashInTurns(head, lists)) !== sha256) return undefined;
    return { sha256, lists, snapshot: snapshotWith(from, head, lists) };
  } catch {
    // The body says what is wrong with it.
    return undefined;
  }
}

/** Lists that no delta has touched stay the same objects, also where the snapshot's own differ from the body's. */
function snapshotWith(from: CheckedRules, head: BodyHead, lists: CheckedRules['lists']): Snapshot {
  const changed = lists.filter((list, index) => list !== from.lists[index]).map(({ name, rows }) => [name, rows]);
  // Each row went through the shape of its list.
  return { ...from.snapshot, ...head, ...Object.fromEntries(changed) } as Snapshot;
}

/** Reads a row as the shape of its list has it; a list that this version does not know stays as it is. */
function rowReader(list: string): (row: BodyRow) => BodyRow {
  const shape = snapshotRowShape(list);
  return shape === undefined ? (row) => row : (row) => shape.parse(row) as BodyRow;
}

/** @throws Error that says what is wrong */
async function checked(body: string, sha256: string): Promise<CheckedRules> {
  const raw: unknown = JSON.parse(body);
  const parsed = snapshotShape.safeParse(raw);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new Error(`the snapshot is not valid: ${issue?.path.join('.')}: ${issue?.message}`);
  }
  const snapshot = parsed.data;
  const lists: RuleList<BodyRow>[] = [];
  for (const [name, rows] of Object.entries(raw as Record<string, unknown>)) {
    if (!Array.isArray(rows)) continue;
    const read = name in snapshot ? (snapshot as Record<string, unknown>)[name] : rows;
    // Lists of the snapshot hold rows with ids; of others nothing but the text is used.
    lists.push({ name, rows: read as readonly BodyRow[], texts: await textsOf(rows) });
  }
  return { sha256, snapshot, lists };
}

async function textsOf(rows: readonly unknown[]): Promise<readonly string[]> {
  const texts: string[] = [];
  for (const [index, row] of rows.entries()) {
    texts.push(JSON.stringify(row));
    if (index % ROWS_AT_ONCE === ROWS_AT_ONCE - 1) await nextTurn();
  }
  return texts;
}

/** Requests are served in between. */
async function hashInTurns(head: BodyHead, lists: CheckedRules['lists']): Promise<string> {
  const hash = createHash('sha256');
  for (const part of bodyParts(head, lists)) {
    hash.update(part);
    await nextTurn();
  }
  return hash.digest('hex');
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
