import type { RevisionDiff, RevisionRow } from '@ai-gateway/contracts';
import { withoutSecrets } from '../db/audited.ts';
import type { Connection } from '../db/connection.ts';
import type { Store } from '../db/store.ts';
import { diffRules, type RuleRow, type RulesByKind } from '../domain/diff-rules.ts';
import { Refusal } from '../domain/faults.ts';
import { contentLength, type RevisionSummary, readRules } from './revision-rows.ts';

/** A revision as it is kept. */
export interface Revision extends Omit<RevisionRow, 'changes'> {
  readonly rules: RulesByKind;
}

/**
 * One revision.
 * @throws Refusal 404 when it was never made or is not kept any more
 */
export async function readRevision({ connection }: Store, revision: string | undefined): Promise<Revision> {
  const number = numberOf(revision);
  const row = await summaries(connection).where('revision', '=', number).executeTakeFirst();
  const found = row && (await readRules(connection, number));
  if (row === undefined || found === undefined)
    throw new Refusal(404, 'There is no such revision, or it is not kept any more.');
  const { changes: _, ...summary } = rowOf(row);
  return { ...summary, rules: Object.fromEntries(found.lists.map(({ name, rows }) => [name, rows])) };
}

/** A page of revisions, newest first, each with how many rows it changed. */
export async function listRevisions({ connection }: Store, { page, size }: { page: number; size: number }) {
  const { total, oldest } = await connection
    .selectFrom('revision')
    .select((builder) => [builder.fn.countAll().as('total'), builder.fn.min('revision').as('oldest')])
    .executeTakeFirstOrThrow();
  const rows = await summaries(connection)
    .orderBy('revision', 'desc')
    .limit(size)
    .offset((page - 1) * size)
    .execute();
  const items = rows.map(rowOf).map(({ changes, ...row }): RevisionRow => {
    // Without the one before it there is nothing to show.
    const isComparable = changes !== undefined && changes.sinceRevision >= Number(oldest);
    return isComparable ? { ...row, changes } : row;
  });
  return { items, total: Number(total), page, size, pages: Math.ceil(Number(total) / size) };
}

/** What differs between two revisions. */
export function diffRevisions(before: Revision, after: Revision): RevisionDiff {
  const kinds = diffRules(rulesOf(before), rulesOf(after));
  return {
    kinds: kinds.map(({ kind, added, removed, changed }) => ({
      kind,
      added: [...added],
      removed: [...removed],
      changed: changed.map(({ id, fields }) => ({
        id,
        fields: fields.map(({ field, before: earlier, after: later }) => ({ field, before: earlier, after: later })),
      })),
    })),
  };
}

/** The rules of a revision without what identifies the secrets of virtual keys, and without encrypted secrets. */
export function rulesOf({ rules }: Revision): RulesByKind {
  return {
    ...rules,
    ...(rules.providerKeys && { providerKeys: rules.providerKeys.map(shown) }),
    virtualKeys: (rules.virtualKeys ?? []).map(shown),
  };
}

function shown(row: RuleRow): RuleRow {
  return { ...withoutSecrets(row), id: row.id };
}

/** What is said of revisions, without reading their rules. */
function summaries(connection: Connection) {
  return connection
    .selectFrom('revision')
    .select(['revision', 'created_at', 'actor', 'sha256', 'summary'])
    .select(contentLength.as('length'));
}

function rowOf(row: Readonly<Record<string, unknown>>): RevisionRow {
  const kept = row.summary === null ? undefined : (JSON.parse(String(row.summary)) as RevisionSummary);
  const { sizeBytes = Number(row.length), sinceRevision, added = 0, removed = 0, changed = 0 } = kept ?? {};
  return {
    revision: Number(row.revision),
    createdAt: String(row.created_at),
    actor: String(row.actor),
    sha256: String(row.sha256),
    sizeBytes,
    ...(sinceRevision !== undefined && { changes: { sinceRevision, added, removed, changed } }),
  };
}

/** Anything that is no number names no revision. */
function numberOf(text: string | undefined): number {
  return /^\d{1,9}$/.test(text ?? '') ? Number(text) : -1;
}
