import {
  adopt,
  copyState,
  emptyLimitState,
  expiredReservations,
  extend,
  inFlightOf,
  leaveQueue,
  NO_TOKENS,
  oldestOf,
  queuedKeys,
  renew,
  reserve,
  settle,
  statusOf,
  sweep,
  useOf,
} from '@ai-gateway/limits';
import type { LimitStore } from '../services.ts';

/** Decisions between two sweeps of counters that say nothing any more. */
const SWEEP_EVERY = 10_000;

/** Limits of one process: a decision is one synchronous step, so nothing can come between check and commit. */
export function memoryLimitStore(nowUs: () => number): LimitStore {
  const state = emptyLimitState();
  let decisions = 0;
  const nowMs = () => Math.floor(nowUs() / 1000);
  return {
    async reserve(limits, request) {
      if (++decisions % SWEEP_EVERY === 0) sweep(state, nowUs());
      return reserve(state, limits, request, nowUs());
    },
    async extend(held, outputTokens, isForced) {
      return extend(state, held, outputTokens, { isForced, nowMs: nowMs() });
    },
    async cancel(reservationId) {
      const stored = state.reservations.get(reservationId);
      if (stored !== undefined) settle(state, stored.held, NO_TOKENS);
    },
    async settle(held, actual, voidedKeys = []) {
      return settle(state, held, actual, { voidedKeys });
    },
    async renew(running, leaseMs) {
      return renew(state, running, leaseMs, nowMs());
    },
    async adopt(adopted, leaseMs) {
      for (const { held, counted, outputSoFar } of adopted) {
        adopt(state, held, counted, { leaseMs, nowMs: nowMs(), outputSoFar });
      }
    },
    async leave(limits, reservationId) {
      leaveQueue(state.queue, reservationId, queuedKeys(limits), { isServed: false });
    },
    async reap(leaseMs) {
      const now = nowMs();
      const expired = expiredReservations(state, { leaseMs, nowMs: now });
      for (const { held, outputSoFar } of expired) {
        settle(state, held, { inputTokens: held.inputTokens, outputTokens: outputSoFar }, { ifExpiredAtMs: now });
      }
      return expired.length;
    },
    async status(limits) {
      return limits.map((limit) => statusOf(limit, useOf(state, limit, nowUs()), nowMs()));
    },
    async copy(limits) {
      return { state: copyState(state, limits), nowUs: nowUs() };
    },
    async running(namespaceId) {
      const mine = [...state.reservations.values()].filter(({ held }) => held.about.namespaceId === namespaceId);
      const waiting = [...state.queue.tickets.values()].filter(
        (ticket) => ticket.namespaceId === namespaceId && ticket.expiresAtMs > nowMs(),
      );
      return { ...oldestOf(mine.map(inFlightOf)), waiting: waiting.length };
    },
  };
}
