import { createHash } from 'node:crypto';
import { type BodyHead, bodyParts, type RefusedRow, type RulesDelta } from '@ai-gateway/contracts';
import type { Connection } from '../db/connection.ts';
import type { Resources } from '../db/store.ts';
import type { TableName } from '../db/tables.ts';
import { NO_RULES, type SnapshotContent } from '../domain/build-snapshot.ts';
import {
  changesBetween,
  contentOf,
  countChanges,
  hasOtherLists,
  type RuleLists,
  sharedWith,
} from '../domain/changed-rows.ts';
import { soundContent } from '../domain/sound-content.ts';
import { adoptEdits, type Fingerprint, fingerprintOf, readRows, readTables, tablesBetween } from './hand-edits.ts';
import { type DeltaText, insertRevision, patched, readDeltas, readRules, withChanges } from './revision-rows.ts';

/** Deltas that are handed out: whoever is further behind takes the whole body. */
const KEPT_DELTAS = 100;
const KEPT_DELTA_CHARACTERS = 512 * 1024;

/**
 * The rules as the newest known revision has them and as the tables were last read, so that a change reads and sends
 * only what it touches. Never changed: a change makes another, which takes its place once it is committed.
 */
export interface HeldRules {
  readonly head: BodyHead;
  readonly sha256: string;
  /** Of the body. */
  readonly sizeBytes: number;
  readonly lists: RuleLists;
  /** Deltas that led here, the newest last. */
  readonly deltas: readonly DeltaText[];
  readonly sinceWhole: number;
  /** Rows as the tables have them, also those that are refused. */
  readonly asRead: SnapshotContent;
  readonly refused: readonly RefusedRow[];
  /** Of the tables when they were read. */
  readonly fingerprint: Fingerprint;
}

/** The transaction of a change, its time, and who makes it. */
export interface Turn {
  readonly resources: Resources;
  readonly connection: Connection;
  readonly at: string;
  readonly actor: string;
}

/** The newest revision of a database; the tables are not read yet. */
export async function newestRules(connection: Connection, epoch: string): Promise<HeldRules> {
  const row = await newestRow(connection);
  const found = row && (await readRules(connection, row.revision));
  const head = { epoch, revision: row?.revision ?? 0, createdAt: row?.createdAt ?? '' };
  const lists = found?.lists ?? [];
  const deltas = kept(found?.deltas ?? []);
  return {
    head,
    ...hashOf(head, lists),
    lists,
    deltas,
    sinceWhole: found?.deltas.length ?? 0,
    asRead: { ...NO_RULES, ...contentOf(lists) },
    refused: [],
    fingerprint: {},
  };
}

/** The rules with the revisions that other config centers have made. */
export async function caughtUp(held: HeldRules, connection: Connection): Promise<HeldRules> {
  const row = await newestRow(connection);
  if (row === undefined || row.revision <= held.head.revision) return held;
  const deltas = await readDeltas(connection, held.head.revision, row.revision);
  if (deltas === undefined) return newestRules(connection, held.head.epoch);
  const lists = patched(held.lists, deltas);
  const head = { ...held.head, revision: row.revision, createdAt: row.createdAt };
  let asRead = held.asRead;
  for (const { text } of deltas) asRead = rowsWith(asRead, (JSON.parse(text) as RulesDelta).lists, lists);
  return {
    ...held,
    head,
    ...hashOf(head, lists),
    lists,
    deltas: kept([...held.deltas, ...deltas]),
    sinceWhole: held.sinceWhole + deltas.length,
    asRead,
    // What the other one saw of the tables is what its revision holds.
    fingerprint: row.fingerprint ?? held.fingerprint,
  };
}

/** The rules with what was edited by hand, as a revision of its own. */
export async function withEdits(held: HeldRules, turn: Turn): Promise<HeldRules> {
  const fingerprint = await fingerprintOf(turn.connection);
  const tables = tablesBetween(held.fingerprint, fingerprint);
  if (tables.length === 0) return held;
  const asRead = await readTables(turn.resources, tables, held);
  return revised({ ...held, fingerprint }, asRead, { ...turn, editedTables: tables });
}

/** The rules with the rows that a change has written. */
export async function withTouched(
  held: HeldRules,
  touched: ReadonlyMap<TableName, ReadonlySet<string>>,
  turn: Turn,
): Promise<HeldRules> {
  if (touched.size === 0) return held;
  const asRead = await readRows(turn.resources, touched, held);
  const fingerprint = { ...held.fingerprint, ...(await fingerprintOf(turn.connection, [...touched.keys()])) };
  return revised({ ...held, fingerprint }, asRead, turn);
}

/** Makes a revision if the rows give other rules. */
async function revised(
  held: HeldRules,
  asRead: SnapshotContent,
  { editedTables, ...turn }: Turn & { readonly editedTables?: readonly TableName[] },
): Promise<HeldRules> {
  const isFirst = held.head.revision === 0;
  const { content, refused } = soundContent(asRead, isFirst ? undefined : contentOf(held.lists));
  const isOther = hasOtherLists(held.lists, content);
  const changes = changesBetween(held.lists, content);
  const seen = { ...held, asRead, refused };
  if (!isOther && Object.keys(changes).length === 0) return seen;

  if (editedTables !== undefined && !isFirst) await adoptEdits(turn, held.lists, changes);
  const now = editedTables === undefined ? {} : await fingerprintOf(turn.connection, editedTables);
  const fingerprint = { ...held.fingerprint, ...now };
  const names = Object.keys(content);
  const lists = withChanges(isOther ? named(held.lists, names) : held.lists, changes);
  const head = { epoch: held.head.epoch, revision: held.head.revision + 1, createdAt: turn.at };
  const { sha256, sizeBytes } = hashOf(head, lists);
  const delta: RulesDelta = { after: held.head.revision, ...head, lists: changes };
  const text = isOther ? undefined : JSON.stringify(delta);
  const deltaText = text === undefined ? undefined : { after: delta.after, revision: head.revision, text };
  const sinceWhole = await insertRevision(turn.connection, {
    revision: head.revision,
    createdAt: head.createdAt,
    actor: turn.actor,
    sha256,
    summary: {
      sizeBytes,
      ...countChanges(held.lists, changes),
      ...(!isFirst && { sinceRevision: held.head.revision }),
    },
    // Another config center has to read the rows that are refused by itself.
    fingerprint: refused.length === 0 ? fingerprint : undefined,
    lists,
    delta: deltaText,
    sinceWhole: held.sinceWhole,
  });
  const deltas = deltaText === undefined ? [] : kept([...held.deltas, deltaText]);
  return { ...seen, head, sha256, sizeBytes, lists, deltas, sinceWhole, fingerprint };
}

/** Lists of those names and in that order; those that were not there are empty. */
function named(lists: RuleLists, names: readonly string[]): RuleLists {
  return names.map((name) => lists.find((list) => list.name === name) ?? { name, rows: [], texts: [] });
}

function rowsWith(
  content: SnapshotContent,
  changes: Readonly<Record<string, { readonly put: readonly { id: string }[]; readonly removed: readonly string[] }>>,
  lists: RuleLists,
): SnapshotContent {
  const changed = Object.entries(changes).map(([name, { put, removed }]) => {
    const gone = new Set([...put.map(({ id }) => id), ...removed]);
    const rows = (content[name as keyof SnapshotContent] ?? []).filter(({ id }) => !gone.has(id));
    const list = lists.find((each) => each.name === name);
    return [name, sharedWith(list, [...rows, ...put])] as const;
  });
  return { ...content, ...Object.fromEntries(changed) };
}

async function newestRow(connection: Connection) {
  const row = await connection
    .selectFrom('revision')
    .select(['revision', 'created_at', 'fingerprint'])
    .orderBy('revision', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const fingerprint = row.fingerprint === null ? undefined : (JSON.parse(String(row.fingerprint)) as Fingerprint);
  // Commits are counted by each connection to SQLite for itself.
  const isShared = fingerprint !== undefined && !('*' in fingerprint);
  return {
    revision: Number(row.revision),
    createdAt: String(row.created_at),
    ...(isShared && { fingerprint }),
  };
}

function kept(deltas: readonly DeltaText[]): readonly DeltaText[] {
  let characters = 0;
  let first = deltas.length;
  for (const { text } of deltas.slice(-KEPT_DELTAS).toReversed()) {
    characters += text.length;
    if (characters > KEPT_DELTA_CHARACTERS) break;
    first--;
  }
  return deltas.slice(first);
}

function hashOf(head: BodyHead, lists: RuleLists): { readonly sha256: string; readonly sizeBytes: number } {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for (const part of bodyParts(head, lists)) {
    const bytes = Buffer.from(part);
    hash.update(bytes);
    sizeBytes += bytes.length;
  }
  return { sha256: hash.digest('hex'), sizeBytes };
}
