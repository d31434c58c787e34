import { usedSlots } from '../domain/limits/concurrency.ts';
import type { Limit } from '../domain/limits/plan.ts';
import { usedBurst } from '../domain/limits/rate.ts';
import { emptyLimitState, type LimitState, renew, reserve, settle } from '../domain/limits/reserve.ts';
import { emptyWindow, usedAmount } from '../domain/limits/token-window.ts';
import type { LimitStatus, LimitStore } from '../services.ts';

/** Limits of one process: a decision is one synchronous step, so nothing can come between check and commit. */
export function memoryLimitStore(nowUs: () => number): LimitStore {
  const state = emptyLimitState();
  return {
    async reserve(limits, request) {
      return reserve(state, limits, request, nowUs());
    },
    async settle(reservationId, actual) {
      settle(state, reservationId, actual);
    },
    async renew(reservationIds, leaseMs) {
      const expiresAtMs = Math.floor(nowUs() / 1000) + leaseMs;
      for (const id of reservationIds) renew(state, id, expiresAtMs);
    },
    async status(limits) {
      return limits.map((limit) => statusOf(state, limit, nowUs()));
    },
  };
}

function statusOf(state: LimitState, limit: Limit, nowUs: number): LimitStatus {
  const nowMs = Math.floor(nowUs / 1000);
  const { policyId, key, kind } = limit;
  switch (kind) {
    case 'requestRate':
      return { policyId, key, kind, current: usedBurst(state.rates.get(key) ?? 0, limit, nowUs), limit: limit.burst };
    case 'concurrency':
      return {
        policyId,
        key,
        kind,
        current: usedSlots(state.leases.get(key) ?? new Map(), nowMs),
        limit: limit.maxConcurrent,
      };
    case 'requestWindow':
    case 'tokenWindow':
      return {
        policyId,
        key,
        kind,
        current: usedAmount(state.windows.get(key) ?? emptyWindow(), limit, nowMs),
        limit: limit.max,
      };
    default:
      return limit satisfies never;
  }
}
