import type { Held, TokenAmounts } from '@ai-gateway/limits';
import type { SharedStore } from './shared-access.ts';

/** A settlement that the shared store has not been told of. */
export interface MissedSettlement {
  readonly held: Held;
  readonly actual: TokenAmounts;
  readonly voidedKeys: readonly string[];
  /** Unknown to the shared store: it must be entered before it is settled. */
  readonly isNew: boolean;
}

/** What must be told to the shared store when it is back. */
export interface MissedNotes {
  settlement(note: MissedSettlement): void;
  /** A question whose answer never came: what it may have taken must be given back first. */
  doubt(reservationId: string): void;
  isDoubted(reservationId: string): boolean;
  count(): number;
  /** Tells everything; what fails is kept for the next time. */
  tell(store: SharedStore, leaseMs: number): Promise<void>;
}

/** Notes that are kept while the store is away. Beyond that the oldest go: leases run out and windows turn by themselves. */
const MAX_NOTES = 100_000;
const TOLD_AT_ONCE = 200;

/** @param isHeld whether a doubted reservation has become a real one since */
export function missedNotes(isHeld: (reservationId: string) => boolean): MissedNotes {
  let settlements: MissedSettlement[] = [];
  let doubts = new Set<string>();

  async function tellSettlement(note: MissedSettlement, store: SharedStore, leaseMs: number): Promise<void> {
    const { held, actual, voidedKeys, isNew } = note;
    let isEntered = !isNew;
    try {
      if (isNew) await store.adopt([{ held, counted: undefined, outputSoFar: actual.outputTokens }], leaseMs);
      isEntered = true;
      await store.settle(held, actual, voidedKeys);
    } catch {
      // Entered twice it would be counted twice, if the settlement has come through after all.
      keep({ ...note, isNew: !isEntered });
    }
  }

  function keep(note: MissedSettlement): void {
    if (settlements.length >= MAX_NOTES) settlements.shift();
    settlements.push(note);
  }

  return {
    settlement: keep,
    doubt(reservationId) {
      if (doubts.size < MAX_NOTES) doubts.add(reservationId);
    },
    isDoubted: (reservationId) => doubts.has(reservationId),
    count: () => settlements.length + doubts.size,
    async tell(store, leaseMs) {
      const missed = settlements;
      const doubted = doubts;
      settlements = [];
      doubts = new Set();
      await inChunks([...doubted], async (id) => {
        if (!isHeld(id)) await store.cancel(id).catch(() => doubts.add(id));
      });
      await inChunks(missed, (note) => tellSettlement(note, store, leaseMs));
    },
  };
}

/** Handles items some at a time, so that a store that is just back is not met by all at once. */
export async function inChunks<T>(items: readonly T[], handle: (item: T) => Promise<void>): Promise<void> {
  for (let from = 0; from < items.length; from += TOLD_AT_ONCE) {
    await Promise.all(items.slice(from, from + TOLD_AT_ONCE).map(handle));
  }
}
