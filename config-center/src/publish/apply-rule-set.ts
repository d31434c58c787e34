import { setImmediate as othersTurn } from 'node:timers/promises';
import { refuseLostPayers } from '../api/billing-kinds.ts';
import type { Resources } from '../db/store.ts';
import { withoutStamps } from '../domain/build-snapshot.ts';
import { RULE_KINDS } from '../domain/rule-set/kinds.ts';
import type { RuleRow, RuleRows } from '../domain/rule-set/names.ts';
import { runTask } from '../rule-work/run.ts';
import type { FilePlan } from '../rule-work/tasks.ts';

/** Rows that are written before others have their turn: SQLite answers at once, so that nothing else would come to it. */
const ROWS_IN_A_TURN = 100;

/** Characters of a row, about. */
const ROW_SIZE = 300;

/** All rules as they are stored, without when and how often they were changed. */
export async function readRuleRows(resources: Resources): Promise<RuleRows> {
  const lists: [string, RuleRow[]][] = [];
  for (const { list, table } of RULE_KINDS) {
    const rows = await resources.all(table);
    lists.push([list, rows.map((row): RuleRow => ({ ...withoutStamps(row) }))]);
    await othersTurn();
  }
  // There is a kind for every list.
  return Object.fromEntries(lists) as unknown as RuleRows;
}

/** A file as it is sent: its text, or the JSON value; and whether it deletes what it does not have. */
export interface SentFile {
  readonly file: unknown;
  readonly prune: boolean;
}

/**
 * What a file would do to the rules as they are.
 * @throws Refusal 400 when it cannot be applied, with every fault; errors that lint finds count if the file brings them in
 */
export async function planFile({ file, prune }: SentFile, resources: Resources): Promise<FilePlan> {
  const rows = await readRuleRows(resources);
  return runTask('plan', { file, rows, prune }, sizeOf(rows) + sizeOf(file));
}

/** Writes what a plan says, in the transaction that the plan was made in. */
export async function writePlan({ removals, writes }: FilePlan, resources: Resources, at: string): Promise<void> {
  for (const { table, id } of removals) await resources.remove(table, { id });
  for (const [index, { table, action, row }] of writes.entries()) {
    if (index % ROWS_IN_A_TURN === 0) await othersTurn();
    const write = action === 'create' ? resources.insert : resources.update;
    // Checked by the shape of the kind, with the ids and secrets of the stored row.
    await write(table, row as never, at);
  }
  await refuseLostPayers(resources);
}

/** Characters of a text, or of lists of rows, about. */
function sizeOf(rules: unknown): number {
  if (typeof rules === 'string') return rules.length;
  const lists = Object.values(rules ?? {}).filter(Array.isArray);
  return lists.reduce((sum, { length }) => sum + length * ROW_SIZE, 0);
}
