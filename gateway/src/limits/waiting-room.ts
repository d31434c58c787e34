import type { LimitDecision } from '@ai-gateway/limits';
import type { Patience } from '../services.ts';

/** Requests of this gateway that stand in line; the order is kept by the store. */
export interface WaitingRoom {
  /** Tries until there is room, the time is over or the client has left; then `leave` gives up the place. */
  take(attempt: () => Promise<LimitDecision>, leave: () => Promise<void>, patience: Patience): Promise<LimitDecision>;
  /** Something was given back: the longest waiting look again at once. */
  wake(): void;
}

/** Waiters that look again at once when a request of this gateway ends. */
const WOKEN_AT_ONCE = 2;
const SHORTEST_POLL_MS = 5;
const LONGEST_POLL_MS = 1_000;

export function waitingRoom(nowMs: () => number): WaitingRoom {
  const sleepers = new Set<() => void>();

  /** Sleeps, but not longer than until it is woken or the client leaves. */
  function sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(rise, ms);
      signal.addEventListener('abort', rise);
      sleepers.add(rise);
      function rise(): void {
        clearTimeout(timer);
        signal.removeEventListener('abort', rise);
        sleepers.delete(rise);
        resolve();
      }
    });
  }

  return {
    async take(attempt, leave, { maxWaitMs, signal }) {
      const deadlineMs = nowMs() + maxWaitMs;
      for (;;) {
        const decision = await attempt();
        if (decision.kind === 'admitted' || !decision.isWaiting) return decision;
        const leftMs = deadlineMs - nowMs();
        if (leftMs > 0) await sleep(Math.min(leftMs, pollMsOf(decision)), signal);
        // Whoever has left must not be admitted: nobody would use what it takes.
        if (leftMs <= 0 || signal.aborted) {
          await leave();
          return decision;
        }
      }
    },
    wake() {
      for (const rise of [...sleepers].slice(0, WOKEN_AT_ONCE)) rise();
    },
  };
}

function pollMsOf({ failures }: Extract<LimitDecision, { kind: 'refused' }>): number {
  const longest = Math.max(...failures.map(({ retryAfterMs }) => retryAfterMs ?? 0));
  return Math.min(LONGEST_POLL_MS, Math.max(SHORTEST_POLL_MS, longest));
}
