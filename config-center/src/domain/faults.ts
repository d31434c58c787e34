import type { z } from 'zod';

/** What is wrong with one field of a draft. */
export interface Fault {
  /** JSON path, `rule.windows.0.maxTokens`; empty for the draft as a whole. */
  readonly path: string;
  readonly message: string;
}

/** What still names a row that was to be deleted. */
export interface RowUser {
  readonly kind: string;
  readonly id: string;
  readonly name: string;
}

/** What a caller may need to know about a conflict. */
export interface Conflict {
  /** The row as it is now, without secrets. */
  readonly current?: Readonly<Record<string, unknown>>;
  readonly users?: readonly RowUser[];
}

/** A call that is refused: HTTP status, sentence, the fields at fault, and the conflict behind it. */
export class Refusal extends Error {
  readonly status: number;
  readonly faults: readonly Fault[];
  readonly conflict: Conflict;

  constructor(status: number, message: string, faults: readonly Fault[] = [], conflict: Conflict = {}) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
    this.faults = faults;
    this.conflict = conflict;
  }
}

/** What a shape finds wrong, each field that does not exist by itself. */
export function shapeFaults(issue: z.core.$ZodIssue): Fault[] {
  const path = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: path === '' ? key : `${path}.${key}`,
      message: 'There is no such field.',
    }));
  }
  return [{ path, message: issue.message }];
}
