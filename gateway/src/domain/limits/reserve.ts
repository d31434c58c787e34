import { findSlot, type Leases } from './concurrency.ts';
import type { Counts, Limit } from './plan.ts';
import { takeRate } from './rate.ts';
import {
  addToBucket,
  checkWindow,
  correctBucket,
  emptyWindow,
  type WindowDecision,
  type WindowLimit,
  type WindowState,
} from './token-window.ts';

/** All counters of one store. Keys come from the rules, so their number is bounded. */
export interface LimitState {
  readonly rates: Map<string, number>;
  readonly windows: Map<string, WindowState>;
  readonly leases: Map<string, Leases>;
  readonly reservations: Map<string, Reservation>;
}

/** What one admitted request holds, enough to give it back whatever the rules say by then. */
export interface Reservation {
  readonly leaseKeys: readonly string[];
  readonly windows: readonly {
    readonly key: string;
    readonly bucket: number;
    readonly counts: Counts;
    readonly reserved: number;
  }[];
}

/** Tokens of a request: real ones when it is settled, the worst case when it is reserved. */
export interface TokenAmounts {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface ReserveRequest extends TokenAmounts {
  /** Unique per request and drawn by the gateway, never by the client: the same id again gets the first answer. */
  readonly reservationId: string;
  readonly leaseMs: number;
  /** False when the client named no maximum: the reserved output is then a guess and may shrink to fit a window. */
  readonly isOutputNamed: boolean;
}

/** A limit that has no room. `retryAfterMs` is undefined when waiting cannot help. */
export interface LimitFailure {
  readonly limit: Limit;
  readonly retryAfterMs: number | undefined;
}

/** All limits taken, or none. `observed` lists limits of observing policies that would have refused. */
export type LimitDecision =
  | { readonly kind: 'admitted'; readonly observed: readonly LimitFailure[] }
  | { readonly kind: 'refused'; readonly failures: readonly LimitFailure[] };

interface Taken {
  readonly leaseKeys: string[];
  readonly windows: Reservation['windows'][number][];
}

type Commit = (taken: Taken) => void;

export function emptyLimitState(): LimitState {
  return { rates: new Map(), windows: new Map(), leases: new Map(), reservations: new Map() };
}

/**
 * Takes every limit or none: first all are checked without a change, then all are committed.
 * The reference for the Redis script; docs/limits.md explains the algorithms.
 */
export function reserve(
  state: LimitState,
  limits: readonly Limit[],
  request: ReserveRequest,
  nowUs: number,
): LimitDecision {
  if (state.reservations.has(request.reservationId)) return { kind: 'admitted', observed: [] };

  const commits: Commit[] = [];
  const failures: LimitFailure[] = [];
  const observed: LimitFailure[] = [];
  for (const limit of limits) {
    const checked = check(state, limit, request, nowUs);
    if (typeof checked === 'function') commits.push(checked);
    else (limit.isObserved ? observed : failures).push({ limit, retryAfterMs: checked.retryAfterMs });
  }
  if (failures.length > 0) return { kind: 'refused', failures };

  const taken: Taken = { leaseKeys: [], windows: [] };
  for (const commit of commits) commit(taken);
  state.reservations.set(request.reservationId, taken);
  return { kind: 'admitted', observed };
}

/** Replaces a reservation by what was used and frees its slots. Unknown or already settled: returns false, changes nothing. */
export function settle(state: LimitState, reservationId: string, actual: TokenAmounts): boolean {
  const reservation = state.reservations.get(reservationId);
  if (reservation === undefined) return false;

  for (const { key, bucket, counts, reserved } of reservation.windows) {
    const window = state.windows.get(key);
    if (window !== undefined) correctBucket(window, bucket, amountOf(counts, actual) - reserved);
  }
  for (const key of reservation.leaseKeys) state.leases.get(key)?.delete(reservationId);
  state.reservations.delete(reservationId);
  return true;
}

/** Prolongs the leases of a running request; one that had run out is counted again, because the request does run. */
export function renew(state: LimitState, reservationId: string, expiresAtMs: number): boolean {
  const reservation = state.reservations.get(reservationId);
  if (reservation === undefined) return false;
  for (const key of reservation.leaseKeys) state.leases.get(key)?.set(reservationId, expiresAtMs);
  return true;
}

/** Tokens of a request that a window counts. */
export function amountOf(counts: Counts, tokens: TokenAmounts): number {
  switch (counts) {
    case 'total':
      return tokens.inputTokens + tokens.outputTokens;
    case 'input':
      return tokens.inputTokens;
    case 'output':
      return tokens.outputTokens;
    default:
      return counts satisfies never;
  }
}

type Checked = Commit | { readonly retryAfterMs: number | undefined };

function check(state: LimitState, limit: Limit, request: ReserveRequest, nowUs: number): Checked {
  const nowMs = Math.floor(nowUs / 1000);
  switch (limit.kind) {
    case 'requestRate': {
      const decision = takeRate(state.rates.get(limit.key) ?? 0, limit, nowUs);
      return decision.kind === 'full' ? decision : () => state.rates.set(limit.key, decision.theoreticalArrivalUs);
    }
    case 'concurrency':
      return checkSlot(leasesOf(state, limit.key), limit, request, nowMs);
    case 'requestWindow':
      return checkRequests(windowOf(state, limit.key), limit, nowMs);
    case 'tokenWindow':
      return checkTokens(windowOf(state, limit.key), limit, request, nowMs);
    default:
      return limit satisfies never;
  }
}

function checkSlot(
  leases: Leases,
  limit: Extract<Limit, { kind: 'concurrency' }>,
  request: ReserveRequest,
  nowMs: number,
): Checked {
  const decision = findSlot(leases, limit.maxConcurrent, nowMs);
  if (decision.kind === 'full') return decision;
  return (taken) => {
    leases.set(request.reservationId, nowMs + request.leaseMs);
    taken.leaseKeys.push(limit.key);
  };
}

function checkTokens(
  window: WindowState,
  limit: Extract<Limit, { kind: 'tokenWindow' }>,
  request: ReserveRequest,
  nowMs: number,
): Checked {
  const wanted = amountOf(limit.counts, request);
  const mayShrink = !request.isOutputNamed && request.inputTokens < limit.max;
  const reserved = mayShrink ? Math.min(wanted, limit.max) : wanted;
  const { key, counts } = limit;
  const decision = checkWindow(window, limit, reserved, nowMs);
  if (decision.kind !== 'fits') return waitOf(decision);
  return (taken) => {
    addToBucket(window, decision.bucket, reserved);
    taken.windows.push({ key, bucket: decision.bucket, counts, reserved });
  };
}

function checkRequests(window: WindowState, limit: WindowLimit, nowMs: number): Checked {
  const decision = checkWindow(window, limit, 1, nowMs);
  if (decision.kind !== 'fits') return waitOf(decision);
  return () => addToBucket(window, decision.bucket, 1);
}

function waitOf(decision: Exclude<WindowDecision, { kind: 'fits' }>): { retryAfterMs: number | undefined } {
  return { retryAfterMs: decision.kind === 'full' ? decision.retryAfterMs : undefined };
}

function leasesOf(state: LimitState, key: string): Leases {
  const known = state.leases.get(key);
  if (known !== undefined) return known;
  const leases: Leases = new Map();
  state.leases.set(key, leases);
  return leases;
}

function windowOf(state: LimitState, key: string): WindowState {
  const known = state.windows.get(key);
  if (known !== undefined) return known;
  const window = emptyWindow();
  state.windows.set(key, window);
  return window;
}
