import type { Client } from './client.ts';
import type { CommandLine } from './command-line.ts';
import type { ExitCode } from './failure.ts';

/** What a command works with. */
export interface Work {
  readonly line: CommandLine;
  readonly client: Client;
  readonly out: (text: string) => void;
  readonly nowMs: () => number;
  /** Text of the file of `-f`. */
  readonly readInput: () => Promise<string>;
  /** Asks the person at the terminal; a program that asks without one is refused. */
  readonly confirm: (question: string) => Promise<boolean>;
}

/** Answers with the exit code. */
export type Command = (work: Work) => Promise<ExitCode>;
