import { readFileSync, statSync } from 'node:fs';
import { type ModelFamily, modelFamily } from '@ai-gateway/contracts';
import { z } from 'zod';
import { MODEL_TABLE, type ModelLookup, modelLookup } from './domain/model-table.ts';

/** Rows of an operator's file, tried before the ones that come with the service. */
const fileRows = z.array(
  modelFamily.extend({
    match: z.array(z.string().min(1).max(200)).min(1),
    template: z.string().nullable().default(null),
    exact_text: z.boolean().default(true),
    exact_chat: z.boolean().default(false),
  }),
);

/** The table of models in force. */
export interface ModelFile extends ModelLookup {
  rows(): readonly ModelFamily[];
  /** Reads the file again if it has changed. A file with mistakes changes nothing and is told to `onMistake`. */
  refresh(): void;
}

/**
 * The table of models: an operator's rows before the built-in ones.
 * @throws Error naming the row and field at fault when the file is not valid at the start
 */
export function modelFile(path: string | undefined, onMistake: (message: string) => void): ModelFile {
  let table = path === undefined ? tableOf([]) : readFile(path);
  let seenAtMs = path === undefined ? 0 : statSync(path).mtimeMs;
  return {
    familyOf: (model) => table.lookup.familyOf(model),
    rows: () => table.rows,
    refresh() {
      if (path === undefined) return;
      const changedAtMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
      if (changedAtMs === seenAtMs) return;
      seenAtMs = changedAtMs;
      try {
        table = readFile(path);
      } catch (error) {
        onMistake((error as Error).message);
      }
    },
  };
}

function tableOf(own: readonly ModelFamily[]) {
  const rows = [...own, ...MODEL_TABLE];
  return { rows, lookup: modelLookup(rows) };
}

function readFile(path: string) {
  const parsed = fileRows.safeParse(jsonOf(path));
  if (parsed.success) return tableOf(parsed.data);
  const [issue] = parsed.error.issues;
  throw new Error(`the table of models ${path} is not valid: row ${issue?.path.join('.')}: ${issue?.message}`);
}

function jsonOf(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`the table of models ${path} is not JSON: ${(error as Error).message}`);
  }
}
