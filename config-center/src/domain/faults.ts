/** What is wrong with one field of a draft. */
export interface Fault {
  /** JSON path, `rule.windows.0.maxTokens`; empty for the draft as a whole. */
  readonly path: string;
  readonly message: string;
}

/** A call that is refused: HTTP status, sentence, and the fields at fault. */
export class Refusal extends Error {
  readonly status: number;
  readonly faults: readonly Fault[];

  constructor(status: number, message: string, faults: readonly Fault[] = []) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
    this.faults = faults;
  }
}
