/** Fields of a request that a translation cannot carry, as dotted paths. */
export interface Losses {
  /** Hints and refinements: the answer is of the same kind without them. */
  readonly minor: readonly string[];
  /** Without these the answer would be another one. */
  readonly vital: readonly string[];
}

/** Losses while they are being found. */
export interface NotedLosses extends Losses {
  note(field: string, weight: keyof Losses): void;
}

export const NO_LOSSES: Losses = { minor: [], vital: [] };

/** An empty list of losses to note more in; a field is noted once. */
export function newLosses(): NotedLosses {
  const found = { minor: [] as string[], vital: [] as string[] };
  return {
    ...found,
    note(field, weight) {
      if (!found[weight].includes(field)) found[weight].push(field);
    },
  };
}
