import { NO_TOKENS, type TokenAmounts } from './amounts.ts';
import { adoptedAmount, differenceOf, type Held } from './held.ts';
import { type LimitState, leasesOf, windowOf } from './reserve.ts';
import { addToBucket, bucketAt, correctBucket, expireWindow, placeOf } from './token-window.ts';

/** How a reservation is settled. */
export interface SettleTerms {
  /** Counters whose request did nothing after all (an upstream that failed): they get everything back. */
  readonly voidedKeys?: readonly string[];
  /** Only if the lease had run out by this instant: a reaper must not take from the living. */
  readonly ifExpiredAtMs?: number;
}

/**
 * Replaces a reservation by what was used and frees its slots. Unknown or already settled: returns false, changes
 * nothing. What was reserved is what the state says: the caller may not know whether its last extension came through.
 */
export function settle(state: LimitState, held: Held, actual: TokenAmounts, terms: SettleTerms = {}): boolean {
  const { reservationId, price, admittedMs } = held;
  const stored = state.reservations.get(reservationId);
  if (stored === undefined) return false;
  if (terms.ifExpiredAtMs !== undefined && stored.expiresAtMs > terms.ifExpiredAtMs) return false;

  for (const entry of held.entries) {
    if (entry.kind === 'slot') {
      state.leases.get(entry.key)?.delete(reservationId);
      continue;
    }
    const to = terms.voidedKeys?.includes(entry.key) ? NO_TOKENS : actual;
    const window = state.windows.get(entry.key);
    const difference = differenceOf(entry, stored.held, to, price);
    if (window !== undefined && difference !== 0) correctBucket(window, bucketAt(entry, admittedMs), difference);
  }
  state.reservations.delete(reservationId);
  return true;
}

/** Whether a reservation may grow: granted, denied by a window, or unknown to the store. */
export type Extension = 'granted' | 'denied' | 'gone';

/**
 * Raises the reserved output of a running request in the bucket of its admission, all windows or none. A bucket that
 * has left its window costs nothing any more. `isForced` raises without asking: the tokens have flowed already.
 */
export function extend(
  state: LimitState,
  held: Held,
  outputTokens: number,
  { isForced, nowMs }: { readonly isForced: boolean; readonly nowMs: number },
): Extension {
  const stored = state.reservations.get(held.reservationId);
  if (stored === undefined) return 'gone';
  if (outputTokens <= stored.held.outputTokens) return 'granted';
  const raised: Held = { ...stored.held, outputTokens };
  const changes: (() => void)[] = [];
  for (const entry of held.entries) {
    if (entry.kind === 'slot') continue;
    const difference = differenceOf(entry, stored.held, raised, held.price);
    if (difference === 0) continue;
    const window = windowOf(state, entry.key);
    expireWindow(window, entry, nowMs);
    const place = placeOf(window, bucketAt(entry, held.admittedMs));
    if (place === undefined) continue;
    if (!isForced && !entry.isObserved && window.sum + difference > entry.max) return 'denied';
    changes.push(() => addToBucket(window, place, difference));
  }
  for (const change of changes) change();
  stored.held = raised;
  return 'granted';
}

/** A running request as its gateway reports it. */
export interface Progress {
  readonly held: Held;
  readonly outputSoFar: number;
}

/** `late`: leases had run out and are counted again, because the requests do run. `gone`: settled by somebody else. */
export interface Renewal {
  readonly late: readonly string[];
  readonly gone: readonly string[];
}

/** Prolongs the leases of running requests and notes how far they are. */
export function renew(state: LimitState, running: readonly Progress[], leaseMs: number, nowMs: number): Renewal {
  const late: string[] = [];
  const gone: string[] = [];
  for (const { held, outputSoFar } of running) {
    const { reservationId } = held;
    const stored = state.reservations.get(reservationId);
    if (stored === undefined) {
      gone.push(reservationId);
      continue;
    }
    if (stored.expiresAtMs <= nowMs) late.push(reservationId);
    stored.expiresAtMs = nowMs + leaseMs;
    // An older report may come after a newer one.
    stored.outputSoFar = Math.max(stored.outputSoFar, outputSoFar);
    for (const entry of held.entries) {
      if (entry.kind === 'slot') leasesOf(state, entry.key).set(reservationId, nowMs + leaseMs);
    }
  }
  return { late, gone };
}

/**
 * Enters a running request that the store does not know (it was admitted elsewhere, lost, or reaped), without asking
 * whether there is room: it does run. `counted` is what the windows have of it already. Of one that is known only the
 * lease is prolonged.
 */
export function adopt(
  state: LimitState,
  held: Held,
  counted: TokenAmounts | undefined,
  { leaseMs, nowMs, outputSoFar }: { readonly leaseMs: number; readonly nowMs: number; readonly outputSoFar: number },
): void {
  const known = state.reservations.get(held.reservationId);
  for (const { kind, key } of held.entries) {
    if (kind === 'slot') leasesOf(state, key).set(held.reservationId, nowMs + leaseMs);
  }
  if (known !== undefined) {
    known.expiresAtMs = nowMs + leaseMs;
    known.outputSoFar = Math.max(known.outputSoFar, outputSoFar);
    return;
  }
  countAdopted(state, held, counted, nowMs);
  state.reservations.set(held.reservationId, { held, expiresAtMs: nowMs + leaseMs, outputSoFar });
}

function countAdopted(state: LimitState, held: Held, counted: TokenAmounts | undefined, nowMs: number): void {
  for (const entry of held.entries) {
    if (entry.kind === 'slot') continue;
    const difference = adoptedAmount(entry, counted, held);
    const window = windowOf(state, entry.key);
    expireWindow(window, entry, nowMs);
    const [bucket, current] = [bucketAt(entry, held.admittedMs), bucketAt(entry, nowMs)];
    const isInWindow = bucket >= current - entry.buckets && bucket <= current + 1;
    // Also an amount of nothing: what comes later is counted in the same bucket.
    if (difference >= 0 && isInWindow) addToBucket(window, bucket, difference);
  }
}

/**
 * Reservations whose leases have run out, oldest first, with how far they were. A lease that runs longer than any can
 * means that the clock stepped back, and is pulled in.
 */
export function expiredReservations(
  state: LimitState,
  { leaseMs, nowMs }: { readonly leaseMs: number; readonly nowMs: number },
): readonly Progress[] {
  for (const stored of state.reservations.values()) {
    if (stored.expiresAtMs > nowMs + 2 * leaseMs) stored.expiresAtMs = nowMs + leaseMs;
  }
  return [...state.reservations.values()]
    .filter(({ expiresAtMs }) => expiresAtMs <= nowMs)
    .sort((left, right) => left.expiresAtMs - right.expiresAtMs)
    .map(({ held, outputSoFar }) => ({ held, outputSoFar }));
}

/** Removes counters that say nothing any more, so that those of deleted policies and rare models do not pile up. */
export function sweep(state: LimitState, nowUs: number): void {
  const nowMs = Math.floor(nowUs / 1000);
  for (const [key, arrivalUs] of state.rates) if (arrivalUs <= nowUs) state.rates.delete(key);
  for (const [key, leases] of state.leases) if (leases.size === 0) state.leases.delete(key);
  for (const [key, window] of state.windows) {
    const shape = shapeIn(key);
    if (shape !== undefined) expireWindow(window, shape, nowMs);
    if (window.amounts.size === 0) state.windows.delete(key);
  }
}

/** A window's key carries its shape (`w:<name>:<counts>:<windowMs>:<buckets>`, then what it is counted per). */
function shapeIn(key: string): { windowMs: number; buckets: number } | undefined {
  const found = /^w:.*?:(?:requests|total|input|output|cost):(\d+):(\d+)(?:\/|$)/.exec(key);
  return found === null ? undefined : { windowMs: Number(found[1]), buckets: Number(found[2]) };
}
