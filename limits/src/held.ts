import { amountOf, type Counts, type HeldPrice, NO_TOKENS, type TokenAmounts } from './amounts.ts';
import type { Limit } from './plan.ts';

/** One thing that a reservation holds, with all that is needed to give it back whatever the rules say by then. */
export type HeldEntry =
  | { readonly kind: 'slot'; readonly key: string }
  | {
      readonly kind: 'window';
      readonly key: string;
      readonly counts: Counts;
      readonly windowMs: number;
      readonly buckets: number;
      readonly max: number;
      readonly isObserved: boolean;
    };

/** Who and what a reservation is for; shown to operators. */
export interface HeldAbout {
  readonly requestId: string;
  readonly gatewayId: string;
  readonly namespaceId: string;
  readonly virtualKeyId?: string | undefined;
  readonly model?: string | undefined;
}

/** What one admitted request holds: plain data, kept by its gateway and in the store. */
export interface Held extends TokenAmounts {
  readonly reservationId: string;
  readonly about: HeldAbout;
  /** Instant of admission by the store's clock: where windows count it. */
  readonly admittedMs: number;
  readonly entries: readonly HeldEntry[];
}

/** What a request must hold for a limit; a rate keeps no trace of single requests. */
export function entryOf(limit: Limit): HeldEntry | undefined {
  if (limit.kind === 'requestRate') return undefined;
  if (limit.kind === 'concurrency') return { kind: 'slot', key: limit.key };
  const { key, counts, windowMs, buckets, max, isObserved } = limit;
  return { kind: 'window', key, counts, windowMs, buckets, max, isObserved };
}

/** How much more an entry's window counts when a reservation's tokens change. */
export function differenceOf(
  entry: HeldEntry,
  from: TokenAmounts,
  to: TokenAmounts,
  price: HeldPrice | undefined,
): number {
  if (entry.kind === 'slot') return 0;
  return amountOf(entry.counts, to, to.price ?? price) - amountOf(entry.counts, from, price);
}

/** How much more an entry's window counts when a running request is adopted; `counted` is what it has of it already. */
export function adoptedAmount(entry: HeldEntry, counted: TokenAmounts | undefined, held: Held): number {
  const isNew = counted === undefined && entry.kind === 'window' && entry.counts === 'requests';
  return differenceOf(entry, counted ?? NO_TOKENS, held, held.price) + (isNew ? 1 : 0);
}
