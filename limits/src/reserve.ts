import { amountOf, type HeldPrice, type TokenAmounts } from './amounts.ts';
import { freeSlots, type Leases, RETRY_WHEN_FULL_MS } from './concurrency.ts';
import { entryOf, type Held, type HeldAbout } from './held.ts';
import { countsRequests, type Limit, type SlotBound, type WindowBound } from './plan.ts';
import {
  aheadOf,
  dropExpiredTickets,
  emptyQueue,
  enqueue,
  leaveQueue,
  pollMs,
  type QueueState,
  type QueueTerms,
} from './queue.ts';
import { readRate } from './rate.ts';
import {
  addToBucket,
  bucketAt,
  emptyWindow,
  expireWindow,
  type WindowState,
  waitForRoom,
  windowResetMs,
} from './token-window.ts';

/** A reservation as the store keeps it. */
export interface StoredReservation {
  held: Held;
  expiresAtMs: number;
  /** Output tokens up to the last report of its gateway. */
  outputSoFar: number;
}

/** All counters of one store. `sweep` removes what has no meaning any more, so that keys do not pile up. */
export interface LimitState {
  readonly rates: Map<string, number>;
  readonly windows: Map<string, WindowState>;
  readonly leases: Map<string, Leases>;
  readonly reservations: Map<string, StoredReservation>;
  readonly queue: QueueState;
}

export interface ReserveRequest extends TokenAmounts {
  /** Unique per request and drawn by the gateway, never by the client: the same id again gets the first answer. */
  readonly reservationId: string;
  readonly about: HeldAbout;
  readonly price?: HeldPrice | undefined;
  readonly leaseMs: number;
  /** Set when the request would rather wait than be refused. */
  readonly queue?: QueueTerms | undefined;
}

/** One counter right after the decision; what rate-limit headers are made of. */
export interface LimitReading {
  readonly limit: Limit;
  readonly remaining: number;
  /** Until nothing of it is used any more. */
  readonly resetMs: number;
}

/** A limit that has no room. `retryAfterMs` is undefined when waiting cannot help. */
export interface LimitFailure {
  readonly limit: Limit;
  readonly retryAfterMs: number | undefined;
}

/** All limits taken, or none. `observed` lists limits of observing policies that would have refused. */
export type LimitDecision =
  | {
      readonly kind: 'admitted';
      readonly held: Held;
      readonly observed: readonly LimitFailure[];
      readonly readings: readonly LimitReading[];
    }
  | {
      readonly kind: 'refused';
      readonly failures: readonly LimitFailure[];
      readonly observed: readonly LimitFailure[];
      readonly readings: readonly LimitReading[];
      /** Stands in line: ask again within the lifetime of the ticket, or leave. */
      readonly isWaiting: boolean;
    };

export function emptyLimitState(): LimitState {
  return { rates: new Map(), windows: new Map(), leases: new Map(), reservations: new Map(), queue: emptyQueue() };
}

/** `waitMs`: 0 = there is room; undefined = there never will be. */
interface Checked {
  readonly remaining: number;
  readonly resetMs: number;
  readonly waitMs: number | undefined;
  /** Takes it and returns the reading after that. */
  readonly take: () => Omit<LimitReading, 'limit'>;
}

/**
 * Takes every limit or none: first all are checked without a change, then all are committed.
 * The reference for reserve.lua; docs/limits.md explains the algorithms.
 */
export function reserve(
  state: LimitState,
  limits: readonly Limit[],
  request: ReserveRequest,
  nowUs: number,
): LimitDecision {
  const known = state.reservations.get(request.reservationId);
  if (known !== undefined) return { kind: 'admitted', held: known.held, observed: [], readings: [] };

  const nowMs = Math.floor(nowUs / 1000);
  dropExpiredTickets(state.queue, nowMs);
  const checks = limits.map((limit) => ({ limit, checked: checkInLine(state, limit, request, nowUs) }));
  const full = checks.filter(({ checked }) => checked.waitMs !== 0);
  const failureOf = ({ limit, checked }: (typeof full)[number]) => ({ limit, retryAfterMs: checked.waitMs });
  const observed = full.filter(({ limit }) => limit.isObserved).map(failureOf);
  const failures = full.filter(({ limit }) => !limit.isObserved).map(failureOf);
  if (failures.length > 0) {
    const readings = checks.map(({ limit, checked: { remaining, resetMs } }) => ({ limit, remaining, resetMs }));
    return {
      kind: 'refused',
      failures,
      observed,
      readings,
      isWaiting: waits(state, { limits, failures, request, nowMs }),
    };
  }

  const readings = checks.map(({ limit, checked }) => {
    const { remaining, resetMs } = checked.waitMs === 0 ? checked.take() : checked;
    return { limit, remaining, resetMs };
  });
  const taken = checks.filter(({ checked }) => checked.waitMs === 0).map(({ limit }) => limit);
  const held = heldOf(request, taken, nowMs);
  const expiresAtMs = nowMs + request.leaseMs;
  state.reservations.set(request.reservationId, { held, expiresAtMs, outputSoFar: 0 });
  leaveQueue(state.queue, request.reservationId, queuedKeys(limits), { isServed: true });
  return { kind: 'admitted', held, observed, readings };
}

/** What a request holds once the given limits are taken. */
export function heldOf(request: ReserveRequest, taken: readonly Limit[], admittedMs: number): Held {
  const { reservationId, about, inputTokens, outputTokens, price } = request;
  const entries = taken.flatMap((limit) => entryOf(limit) ?? []);
  return { reservationId, about, admittedMs, inputTokens, outputTokens, price, entries };
}

/** Keys of the limits that have a line. */
export function queuedKeys(limits: readonly Limit[]): readonly string[] {
  return limits.filter(({ isQueued }) => isQueued).map(({ key }) => key);
}

export function windowOf(state: LimitState, key: string): WindowState {
  const known = state.windows.get(key);
  if (known !== undefined) return known;
  const window = emptyWindow();
  state.windows.set(key, window);
  return window;
}

export function leasesOf(state: LimitState, key: string): Leases {
  const known = state.leases.get(key);
  if (known !== undefined) return known;
  const leases: Leases = new Map();
  state.leases.set(key, leases);
  return leases;
}

interface Refused {
  readonly limits: readonly Limit[];
  readonly failures: readonly LimitFailure[];
  readonly request: ReserveRequest;
  readonly nowMs: number;
}

/** Waiting helps only if every limit that refuses has a line and will have room some day. */
function waits(state: LimitState, { limits, failures, request, nowMs }: Refused): boolean {
  const { reservationId, about, queue: terms } = request;
  if (terms === undefined) return false;
  if (failures.some(({ limit, retryAfterMs }) => retryAfterMs === undefined || !limit.isQueued)) return false;
  const fullKeys = failures.map(({ limit }) => limit.key);
  const roomyKeys = queuedKeys(limits).filter((key) => !fullKeys.includes(key));
  return enqueue(state.queue, { reservationId, namespaceId: about.namespaceId, terms, fullKeys, roomyKeys }, nowMs);
}

/** A limit with a line has room only beyond what those who stand before the request need. */
function checkInLine(state: LimitState, limit: Limit, request: ReserveRequest, nowUs: number): Checked {
  const checked = check(state, limit, request, nowUs);
  if (!limit.isQueued || checked.waitMs === undefined) return checked;
  const ahead = aheadOf(state.queue, limit.key, request.reservationId);
  // Nothing says when a slot frees, so those in line look for one by their place.
  if (limit.kind === 'concurrency' && checked.waitMs > 0) return { ...checked, waitMs: pollMs(ahead) };
  if (ahead === 0) return checked;
  if (checked.waitMs === 0 && countsRequests(limit) && checked.remaining > ahead) return checked;
  return { ...checked, waitMs: Math.max(checked.waitMs, pollMs(ahead)) };
}

function check(state: LimitState, limit: Limit, request: ReserveRequest, nowUs: number): Checked {
  const nowMs = Math.floor(nowUs / 1000);
  switch (limit.kind) {
    case 'requestRate': {
      const storedUs = state.rates.get(limit.key) ?? 0;
      const { arrivalUs, remaining, waitMs } = readRate(storedUs, limit, nowUs);
      // Pulled in because the clock stepped back: kept so, or the rate would stay shut until the clock has caught up.
      if (arrivalUs < storedUs) state.rates.set(limit.key, arrivalUs);
      const nextUs = arrivalUs + limit.emissionUs;
      return {
        remaining,
        waitMs,
        resetMs: Math.ceil((arrivalUs - nowUs) / 1000),
        take() {
          state.rates.set(limit.key, nextUs);
          return { remaining: remaining - 1, resetMs: Math.ceil((nextUs - nowUs) / 1000) };
        },
      };
    }
    case 'concurrency':
      return checkSlot(leasesOf(state, limit.key), limit, request, nowMs);
    case 'window':
      return checkWindow(windowOf(state, limit.key), limit, amountOf(limit.counts, request, request.price), nowMs);
    default:
      return limit satisfies never;
  }
}

function checkSlot(leases: Leases, limit: SlotBound, request: ReserveRequest, nowMs: number): Checked {
  const { maxConcurrent } = limit;
  const remaining = freeSlots(leases, { maxConcurrent, leaseMs: request.leaseMs }, nowMs);
  return {
    remaining,
    resetMs: 0,
    waitMs: remaining > 0 ? 0 : RETRY_WHEN_FULL_MS,
    take() {
      leases.set(request.reservationId, nowMs + request.leaseMs);
      return { remaining: remaining - 1, resetMs: 0 };
    },
  };
}

function checkWindow(window: WindowState, limit: WindowBound, amount: number, nowMs: number): Checked {
  expireWindow(window, limit, nowMs);
  const excess = window.sum + amount - limit.max;
  return {
    remaining: Math.max(0, limit.max - window.sum),
    resetMs: windowResetMs(window, limit, nowMs),
    waitMs: waitOf(),
    take() {
      addToBucket(window, bucketAt(limit, nowMs), amount);
      return { remaining: limit.max - window.sum, resetMs: windowResetMs(window, limit, nowMs) };
    },
  };

  function waitOf(): number | undefined {
    if (amount > limit.max) return undefined;
    return excess > 0 ? waitForRoom(window, limit, excess, nowMs) : 0;
  }
}
