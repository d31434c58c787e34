import type { AttemptFailure } from '../domain/retry.ts';
import type { Answered } from './attempt.ts';

type Result = Answered | AttemptFailure | 'full';

/** Two ways to the same answer. */
export interface Race {
  readonly start: readonly [(signal: AbortSignal) => Promise<Result>, (signal: AbortSignal) => Promise<Result>];
  /** Waits, and says whether the second way may be gone as well; the signal ends the wait. */
  readonly mayStartSecond: (signal: AbortSignal) => Promise<boolean>;
  /** Aborts both. */
  readonly signal: AbortSignal;
}

/** The answer that comes first, the other being aborted; when both fail, the failure that came last. */
export async function fasterOf({ start, mayStartSecond, signal }: Race): Promise<Result> {
  const aborters = [new AbortController(), new AbortController()] as const;
  const run = (way: 0 | 1) => start[way](AbortSignal.any([signal, aborters[way].signal]));
  const waiting = new AbortController();
  const first = run(0).finally(() => waiting.abort());
  if (!(await mayStartSecond(waiting.signal)) || waiting.signal.aborted) return first;

  const ways = [first, run(1)] as const;
  const winner = await Promise.race(ways.map(async (way, index) => ({ index, result: await way })));
  if (!isAnswer(winner.result)) return winner.index === 0 ? ways[1] : ways[0];
  // A loser that answers after all is aborted with its answer.
  (winner.index === 0 ? aborters[1] : aborters[0]).abort();
  return winner.result;
}

function isAnswer(result: Result): result is Answered {
  return result !== 'full' && 'response' in result;
}
