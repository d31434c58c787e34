import type { RevisionDiff, RevisionRow } from '@ai-gateway/contracts';
import { withoutSecrets } from '../db/audited.ts';
import type { Store } from '../db/store.ts';
import { diffRules, type KindDiff, type RulesByKind } from '../domain/diff-rules.ts';
import { Refusal } from '../domain/faults.ts';

/** A revision as it is kept. */
export interface Revision extends Omit<RevisionRow, 'changes'> {
  readonly content: string;
}

/**
 * One revision.
 * @throws Refusal 404 when it was never made or is not kept any more
 */
export async function readRevision({ connection }: Store, revision: string | undefined): Promise<Revision> {
  const row = await connection
    .selectFrom('revision')
    .selectAll()
    .where('revision', '=', numberOf(revision))
    .executeTakeFirst();
  if (row === undefined) throw new Refusal(404, 'There is no such revision, or it is not kept any more.');
  return revisionOf(row);
}

/** A page of revisions, newest first, each with how many rows it changed. */
export async function listRevisions({ connection }: Store, { page, size }: { page: number; size: number }) {
  const { total } = await connection
    .selectFrom('revision')
    .select((builder) => builder.fn.countAll().as('total'))
    .executeTakeFirstOrThrow();
  // One more than the page: the last is compared with the one before it.
  const rows = await connection
    .selectFrom('revision')
    .selectAll()
    .orderBy('revision', 'desc')
    .limit(size + 1)
    .offset((page - 1) * size)
    .execute();
  const revisions = rows.map(revisionOf);
  const items = revisions.slice(0, size).map((revision, index): RevisionRow => {
    const { content: _, ...row } = revision;
    const before = revisions[index + 1];
    return before === undefined ? row : { ...row, changes: changesOf(before, revision) };
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

/** The rules of a revision without what identifies the secrets of virtual keys. */
export function rulesOf({ content }: Revision): RulesByKind {
  const rules = JSON.parse(content) as RulesByKind;
  return { ...rules, virtualKeys: (rules.virtualKeys ?? []).map((key) => ({ ...withoutSecrets(key), id: key.id })) };
}

function changesOf(before: Revision, after: Revision): NonNullable<RevisionRow['changes']> {
  const kinds = diffRules(rulesOf(before), rulesOf(after));
  const sum = (count: (kind: KindDiff) => number) => kinds.reduce((total, kind) => total + count(kind), 0);
  return {
    sinceRevision: before.revision,
    added: sum(({ added }) => added.length),
    removed: sum(({ removed }) => removed.length),
    changed: sum(({ changed }) => changed.length),
  };
}

function revisionOf(row: Readonly<Record<string, unknown>>): Revision {
  const content = String(row.content);
  return {
    revision: Number(row.revision),
    createdAt: String(row.created_at),
    sha256: String(row.sha256),
    sizeBytes: Buffer.byteLength(content),
    content,
  };
}

/** Anything that is no number names no revision. */
function numberOf(text: string | undefined): number {
  return /^\d{1,9}$/.test(text ?? '') ? Number(text) : -1;
}
