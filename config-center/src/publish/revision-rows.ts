import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import { type ListChange, patchList, type RulesDelta } from '@ai-gateway/contracts';
import { sql } from 'kysely';
import type { Connection } from '../db/connection.ts';
import type { SnapshotContent } from '../domain/build-snapshot.ts';
import { listsOf, type RuleLists } from '../domain/changed-rows.ts';
import type { Fingerprint } from './hand-edits.ts';

/** Revisions that can be read, compared and gone back to. */
const KEPT_REVISIONS = 200;

/** A revision is kept whole after so many that are kept as differences, and when its own is longer than this. */
const WHOLE_EVERY = 50;
const LONGEST_DELTA = 256 * 1024;

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** Little is gained by more effort: rules repeat themselves. */
const FAST = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** A delta with its JSON. */
export interface DeltaText {
  readonly after: number;
  readonly revision: number;
  readonly text: string;
}

/** The rules of a revision, and the deltas that led to it from the last one that is kept whole. */
export interface StoredRules {
  readonly lists: RuleLists;
  readonly deltas: readonly DeltaText[];
}

/** What the list of revisions says of one without reading its rules. */
export interface RevisionSummary {
  readonly sizeBytes: number;
  readonly sinceRevision?: number;
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
}

export interface NewRevision {
  readonly revision: number;
  readonly createdAt: string;
  readonly actor: string;
  readonly sha256: string;
  readonly summary: RevisionSummary;
  readonly fingerprint: Fingerprint | undefined;
  readonly lists: RuleLists;
  /** Absent when it has to be kept whole. */
  readonly delta: DeltaText | undefined;
  /** Revisions since the last that is kept whole. */
  readonly sinceWhole: number;
}

/** Writes a revision and forgets old ones; returns how many revisions there are since the last that is kept whole. */
export async function insertRevision(connection: Connection, revision: NewRevision): Promise<number> {
  const { delta, sinceWhole, fingerprint } = revision;
  const isWhole = delta === undefined || delta.text.length > LONGEST_DELTA || sinceWhole >= WHOLE_EVERY;
  await connection
    .insertInto('revision')
    .values({
      revision: revision.revision,
      created_at: revision.createdAt,
      actor: revision.actor,
      sha256: revision.sha256,
      content: '',
      summary: JSON.stringify(revision.summary),
      fingerprint: fingerprint === undefined ? null : JSON.stringify(fingerprint),
      delta: delta === undefined || delta.text.length > LONGEST_DELTA ? null : delta.text,
      packed: isWhole ? await packed(revision.lists) : null,
    })
    .execute();
  if (isWhole) await forgetRevisions(connection, revision.revision - KEPT_REVISIONS);
  return isWhole ? 0 : sinceWhole + 1;
}

/** The rules of a revision; undefined when it was never made or is not kept any more. */
export async function readRules(connection: Connection, revision: number): Promise<StoredRules | undefined> {
  const whole = await connection
    .selectFrom('revision')
    .select(['revision', 'packed', 'content'])
    .where('revision', '<=', revision)
    .where((builder) => builder.or([builder('packed', 'is not', null), builder('content', '<>', '')]))
    .orderBy('revision', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (whole === undefined) return undefined;
  const text = whole.packed === null ? String(whole.content) : await unpacked(whole.packed);
  const deltas = await readDeltas(connection, Number(whole.revision), revision);
  if (deltas === undefined) return undefined;
  return { lists: patched(listsOf(JSON.parse(text) as SnapshotContent), deltas), deltas };
}

/** The deltas from one revision to another; undefined where one is missing, because a revision was kept whole. */
export async function readDeltas(
  connection: Connection,
  from: number,
  to: number,
): Promise<readonly DeltaText[] | undefined> {
  const rows = await connection
    .selectFrom('revision')
    .select(['revision', 'delta'])
    .where('revision', '>', from)
    .where('revision', '<=', to)
    .orderBy('revision')
    .execute();
  const deltas: DeltaText[] = [];
  for (const row of rows) {
    const after = from + deltas.length;
    if (row.delta === null || Number(row.revision) !== after + 1) return undefined;
    deltas.push({ after, revision: after + 1, text: String(row.delta) });
  }
  return from + deltas.length === to ? deltas : undefined;
}

/** Lists with deltas of ours applied. */
export function patched(lists: RuleLists, deltas: readonly DeltaText[]): RuleLists {
  let result = lists;
  for (const { text } of deltas) result = withChanges(result, (JSON.parse(text) as RulesDelta).lists);
  return result;
}

/** Lists with changes applied. */
export function withChanges(lists: RuleLists, changes: Readonly<Record<string, ListChange>>): RuleLists {
  return lists.map((list) => {
    const change = changes[list.name];
    return change === undefined ? list : patchList(list, change, (row) => row);
  });
}

/** What is older than the oldest of the kept goes, except for the one that these are differences to. */
async function forgetRevisions(connection: Connection, last: number): Promise<void> {
  const { first } = await connection
    .selectFrom('revision')
    .select((builder) => builder.fn.max('revision').as('first'))
    .where('revision', '<=', last + 1)
    .where((builder) => builder.or([builder('packed', 'is not', null), builder('content', '<>', '')]))
    .executeTakeFirstOrThrow();
  if (first === null) return;
  await connection.deleteFrom('revision').where('revision', '<', Number(first)).execute();
}

async function packed(lists: RuleLists): Promise<Buffer> {
  const parts = lists.map(({ name, texts }) => `${JSON.stringify(name)}:[${texts.join(',')}]`);
  return compress(Buffer.from(`{${parts.join(',')}}`), FAST);
}

async function unpacked(bytes: unknown): Promise<string> {
  // Both drivers give bytes.
  return (await decompress(bytes as Uint8Array)).toString();
}

/** Length of texts that older versions kept, for their summaries. */
export const contentLength = sql<number>`length(content)`;
