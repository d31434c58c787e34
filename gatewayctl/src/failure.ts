/** Exit codes: 1 something failed, 2 the command line is wrong. (0 is success, 3 that `diff` found differences.) */
export type ExitCode = 0 | 1 | 2 | 3;

/** A failure that is told to the person at the terminal, without a stack. */
export class Failure extends Error {
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = 1) {
    super(message);
    this.name = 'Failure';
    this.exitCode = exitCode;
  }
}

/** The command line is wrong. */
export function usageFailure(message: string): Failure {
  return new Failure(`${message}\nSee gatewayctl help.`, 2);
}
