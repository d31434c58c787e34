import type { InFlightRequest, LimitStatus } from '@ai-gateway/contracts';
import { usedSlots } from './concurrency.ts';
import type { Limit } from './plan.ts';
import { type RateLimit, readRate } from './rate.ts';
import type { LimitState, StoredReservation } from './reserve.ts';
import { expireWindow, windowResetMs } from './token-window.ts';

/** How much of a limit is used at an instant, and when nothing of it would be. */
export interface LimitUse {
  readonly current: number;
  readonly resetMs: number;
}

/** Reads a counter without taking from it. */
export function useOf(state: LimitState, limit: Limit, nowUs: number): LimitUse {
  const nowMs = Math.floor(nowUs / 1000);
  switch (limit.kind) {
    case 'requestRate':
      return useOfRate(state.rates.get(limit.key) ?? 0, limit, nowUs);
    case 'concurrency': {
      const leases = state.leases.get(limit.key);
      return { current: leases === undefined ? 0 : usedSlots(leases, nowMs), resetMs: 0 };
    }
    case 'window': {
      const window = state.windows.get(limit.key);
      if (window === undefined) return { current: 0, resetMs: 0 };
      expireWindow(window, limit, nowMs);
      return { current: window.sum, resetMs: windowResetMs(window, limit, nowMs) };
    }
    default:
      return limit satisfies never;
  }
}

/** How much of a rate is used, from its theoretical arrival time in µs. */
export function useOfRate(theoreticalArrivalUs: number, limit: RateLimit, nowUs: number): LimitUse {
  const { arrivalUs, remaining } = readRate(theoreticalArrivalUs, limit, nowUs);
  return { current: limit.burst - remaining, resetMs: Math.ceil((arrivalUs - nowUs) / 1000) };
}

/** A counter as operators see it. */
export function statusOf(limit: Limit, { current, resetMs }: LimitUse, nowMs: number): LimitStatus {
  const { policyId, policyName, key, kind, isObserved, countedFor } = limit;
  const bound = boundOf(limit);
  const base = {
    policyId,
    policyName,
    key,
    ...(countedFor !== undefined && { countedFor }),
    kind,
    isObserved,
    current,
    limit: bound,
    remaining: Math.max(0, bound - current),
    resetMs,
  };
  switch (limit.kind) {
    case 'requestRate': {
      const spanMs = (limit.emissionUs * limit.burst) / 1000;
      return { ...base, counts: 'requests', ...intervalOf(nowMs - spanMs, nowMs) };
    }
    case 'concurrency':
      return { ...base, counts: 'slots' };
    case 'window': {
      const width = limit.windowMs / limit.buckets;
      const startMs = (Math.floor(nowMs / width) - limit.buckets) * width;
      return { ...base, counts: limit.counts, ...intervalOf(startMs, nowMs) };
    }
    default:
      return limit satisfies never;
  }
}

/** The bound of a limit in its own unit. */
export function boundOf(limit: Limit): number {
  if (limit.kind === 'requestRate') return limit.burst;
  return limit.kind === 'concurrency' ? limit.maxConcurrent : limit.max;
}

/** A running request as operators see it. */
export function inFlightOf({ held, outputSoFar }: Omit<StoredReservation, 'expiresAtMs'>): InFlightRequest {
  const { about, reservationId, inputTokens, outputTokens, admittedMs } = held;
  return {
    reservationId,
    requestId: about.requestId,
    gatewayId: about.gatewayId,
    namespaceId: about.namespaceId,
    ...(about.virtualKeyId !== undefined && { virtualKeyId: about.virtualKeyId }),
    ...(about.model !== undefined && { model: about.model }),
    admittedAt: new Date(admittedMs).toISOString(),
    inputTokens,
    outputTokensSoFar: outputSoFar,
    reservedOutputTokens: outputTokens,
  };
}

/** Running requests that a report lists. */
const LISTED_IN_FLIGHT = 200;

/** The oldest of running requests, and how many there are. */
export function oldestOf(all: readonly InFlightRequest[]) {
  const inFlight = all
    .toSorted((a, b) => (a.admittedAt + a.reservationId < b.admittedAt + b.reservationId ? -1 : 1))
    .slice(0, LISTED_IN_FLIGHT);
  return { inFlight, inFlightTotal: all.length };
}

function intervalOf(startMs: number, endMs: number): { windowStartAt: string; windowEndAt: string } {
  return { windowStartAt: new Date(startMs).toISOString(), windowEndAt: new Date(endMs).toISOString() };
}
