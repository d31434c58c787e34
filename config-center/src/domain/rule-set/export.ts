import type { RuleSet } from '@ai-gateway/contracts';
import { stringify } from 'yaml';
import { fileRowsOf, type RuleRows } from './names.ts';

/** The rules as a file; equal rules give the same file, whatever their ids are. */
export function exportRuleSet(rows: RuleRows): RuleSet {
  const lists = [...fileRowsOf(rows)].map(([list, entries]) => [list, entries.map(({ row }) => row)]);
  // Rows that people wrote have the shape of the file; one that was spoilt in SQL is shown as it is.
  return { version: 1, ...Object.fromEntries(lists) } as RuleSet;
}

/** The file as YAML text. */
export function yamlOf(file: RuleSet): string {
  return stringify(file, { lineWidth: 120, aliasDuplicateObjects: false });
}
