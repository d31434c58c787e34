import type { LintFinding, RuleSet } from '@ai-gateway/contracts';
import { refuseLostPayers } from '../api/billing-kinds.ts';
import { newId, type Resources } from '../db/store.ts';
import { type SnapshotContent, withoutStamps } from '../domain/build-snapshot.ts';
import { Refusal } from '../domain/faults.ts';
import { newFindings } from '../domain/lint/lint.ts';
import { RULE_KINDS } from '../domain/rule-set/kinds.ts';
import type { RuleRow, RuleRows } from '../domain/rule-set/names.ts';
import { type Plan, planRuleSet } from '../domain/rule-set/plan.ts';
import { soundContent } from '../domain/sound-content.ts';

/** All rules as they are stored, without when and how often they were changed. */
export async function readRuleRows(resources: Resources): Promise<RuleRows> {
  const lists: [string, RuleRow[]][] = [];
  for (const { list, table } of RULE_KINDS) {
    const rows = await resources.all(table);
    lists.push([list, rows.map((row): RuleRow => ({ ...withoutStamps(row) }))]);
  }
  // There is a kind for every list.
  return Object.fromEntries(lists) as unknown as RuleRows;
}

/** A plan with what would become doubtful by it. */
export interface LintedPlan extends Plan {
  readonly findings: readonly LintFinding[];
}

/**
 * What a file would do to the rules as they are.
 * @throws Refusal 400 when it cannot be applied, with every fault; errors that lint finds count if the file brings them in
 */
export async function planFile(
  file: RuleSet,
  resources: Resources,
  { prune }: { readonly prune: boolean },
): Promise<LintedPlan> {
  const rows = await readRuleRows(resources);
  const plan = planRuleSet(file, rows, { prune, newId });
  if (plan.faults.length > 0) throw new Refusal(400, 'The file cannot be applied.', plan.faults);
  const findings = newFindings(soundRules(rows), soundRules(plan.after));
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length === 0) return { ...plan, findings };
  const faults = errors.map(({ kind, name, path, message }) => ({ path: `${kind} "${name}" ${path}`.trim(), message }));
  throw new Refusal(400, 'The file cannot be applied.', faults);
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

/** Writes what a plan says, in the transaction that the plan was made in. */
export async function writePlan({ removals, writes }: Plan, resources: Resources, at: string): Promise<void> {
  for (const { kind, id } of removals) await resources.remove(kind.table, { id });
  for (const { kind, action, row } of writes) {
    const write = action === 'create' ? resources.insert : resources.update;
    // Checked by the shape of the kind, with the ids and secrets of the stored row.
    await write(kind.table, row as never, at);
  }
  await refuseLostPayers(resources);
}
