import type { Limit } from './plan.ts';
import { type LimitDecision, type LimitState, type ReserveRequest, reserve } from './reserve.ts';
import { boundOf, useOf } from './status.ts';

/** One counter around a decision. */
export interface PreviewedLimit {
  readonly limit: Limit;
  readonly bound: number;
  readonly before: number;
  readonly after: number;
  readonly isPassed: boolean;
  /** Until it would pass, ms; undefined when it does, or never will. */
  readonly retryAfterMs: number | undefined;
}

/** What would be decided, and every counter before and after. */
export interface Preview {
  readonly decision: LimitDecision;
  readonly limits: readonly PreviewedLimit[];
}

/** Decides on a copy of the counters, which it changes: see `copyState`. */
export function preview(copy: LimitState, limits: readonly Limit[], request: ReserveRequest, nowUs: number): Preview {
  const before = limits.map((limit) => useOf(copy, limit, nowUs).current);
  const decision = reserve(copy, limits, request, nowUs);
  const full = decision.kind === 'refused' ? [...decision.failures, ...decision.observed] : decision.observed;
  return {
    decision,
    limits: limits.map((limit, index) => {
      const failure = full.find((one) => one.limit.key === limit.key);
      return {
        limit,
        bound: boundOf(limit),
        before: before[index] ?? 0,
        after: useOf(copy, limit, nowUs).current,
        isPassed: failure === undefined,
        retryAfterMs: failure?.retryAfterMs,
      };
    }),
  };
}

/** A copy of what a decision about some limits reads: changing it changes nothing else. */
export function copyState(state: LimitState, limits: readonly Limit[]): LimitState {
  const keys = new Set(limits.map(({ key }) => key));
  const { queue } = state;
  return {
    rates: new Map(entriesOf(state.rates, keys)),
    windows: new Map(
      entriesOf(state.windows, keys).map(([key, window]) => [key, { ...window, amounts: new Map(window.amounts) }]),
    ),
    leases: new Map(entriesOf(state.leases, keys).map(([key, leases]) => [key, new Map(leases)])),
    reservations: new Map(),
    queue: {
      virtualTime: queue.virtualTime,
      lastOrderOf: new Map(queue.lastOrderOf),
      tickets: new Map([...queue.tickets].map(([id, ticket]) => [id, { ...ticket }])),
      lines: new Map(entriesOf(queue.lines, keys).map(([key, line]) => [key, new Map(line)])),
    },
  };
}

function entriesOf<T>(all: ReadonlyMap<string, T>, keys: ReadonlySet<string>): (readonly [string, T])[] {
  return [...keys].flatMap((key) => {
    const value = all.get(key);
    return value === undefined ? [] : [[key, value] as const];
  });
}
