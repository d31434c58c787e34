import { type LintFinding, type RuleSetChange, snapshotShape } from '@ai-gateway/contracts';
import { newId } from '../db/store.ts';
import type { TableName } from '../db/tables.ts';
import type { SnapshotContent } from '../domain/build-snapshot.ts';
import { Refusal } from '../domain/faults.ts';
import { lint, newFindings } from '../domain/lint/lint.ts';
import type { RuleRow, RuleRows } from '../domain/rule-set/names.ts';
import { planRuleSet } from '../domain/rule-set/plan.ts';
import { readRuleSet } from '../domain/rule-set/read-file.ts';
import { soundContent } from '../domain/sound-content.ts';

/** What a file does to the rules, and what would become doubtful by it. */
export interface FilePlan {
  readonly changes: readonly RuleSetChange[];
  readonly findings: readonly LintFinding[];
  /** In the order in which rows can be written. */
  readonly writes: readonly {
    readonly table: TableName;
    readonly action: 'create' | 'update';
    readonly row: RuleRow;
  }[];
  /** In the order in which rows can be removed. */
  readonly removals: readonly { readonly table: TableName; readonly id: string }[];
}

export interface PlanInput {
  /** Text of the file, or its JSON value. */
  readonly file: unknown;
  /** The rules as they are. */
  readonly rows: RuleRows;
  readonly prune: boolean;
}

/** Work on all rules at once, by name. It takes data and returns data, so that a thread can do it. */
export const TASKS = { lint: lintBody, plan: planFile } as const;

/** What is doubtful about the rules of a body, as the publisher has written it. */
function lintBody(body: string): readonly LintFinding[] {
  return lint(snapshotShape.parse(JSON.parse(body)));
}

/**
 * What a file would do to the rules as they are.
 * @throws Refusal 400 when it cannot be applied, with every fault; errors that lint finds count if the file brings them in
 */
function planFile({ file, rows, prune }: PlanInput): FilePlan {
  const { changes, writes, removals, after, faults } = planRuleSet(readRuleSet(file), rows, { prune, newId });
  if (faults.length > 0) throw new Refusal(400, 'The file cannot be applied.', faults);
  const findings = newFindings({ before: soundRules(rows), after: soundRules(after) });
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) {
    const found = errors.map(({ kind, name, path, message }) => ({
      path: `${kind} "${name}" ${path}`.trim(),
      message,
    }));
    throw new Refusal(400, 'The file cannot be applied.', found);
  }
  return {
    changes,
    findings,
    writes: writes.map(({ kind: { table }, action, row }) => ({ table, action, row })),
    removals: removals.map(({ kind: { table }, id }) => ({ table, id })),
  };
}

/** Rows that an edit by hand has spoilt are not judged. */
function soundRules(rows: RuleRows): SnapshotContent {
  // The lists are those of a snapshot; rows that do not have its shapes are dropped here.
  // Files have no provider keys, users, fallbacks and accounts, so before and after are judged alike without them.
  return soundContent(
    { ...rows, providerKeys: [], users: [], fallbacks: [], accounts: [] } as unknown as SnapshotContent,
    undefined,
  ).content;
}
