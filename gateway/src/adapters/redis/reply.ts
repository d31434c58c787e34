import {
  amountOf,
  heldOf,
  type Limit,
  type LimitDecision,
  type LimitUse,
  type ReserveRequest,
  useOfRate,
  windowResetMs,
} from '@ai-gateway/limits';
import { LimiterUnavailable } from '../../services.ts';
import { heldIn } from './record.ts';

/** Appends what reserve.lua wants to know of one limit. */
export function pushLimit(parameters: (string | number)[], limit: Limit, request: ReserveRequest): void {
  const isPlain = !limit.isObserved && !limit.isQueued;
  const flags = isPlain ? '' : `${limit.isObserved ? 'o' : '-'}${limit.isQueued ? 'q' : '-'}`;
  switch (limit.kind) {
    case 'requestRate':
      parameters.push(`r${flags}`, limit.emissionUs, limit.burst, 0, 0);
      return;
    case 'concurrency':
      parameters.push(`c${flags}`, limit.maxConcurrent, 0, 0, 0);
      return;
    case 'window': {
      const amount = amountOf(limit.counts, request, request.price);
      const kind = limit.counts === 'requests' ? 'n' : 'w';
      parameters.push(`${kind}${flags}`, limit.max, limit.windowMs, limit.buckets, amount);
      return;
    }
    default:
      limit satisfies never;
  }
}

/**
 * The decision in a reply of reserve.lua.
 * @throws LimiterUnavailable when the second try came too late as well
 */
export function decisionOf(
  limits: readonly Limit[],
  request: ReserveRequest,
  [status, nowUs, ...rest]: readonly unknown[],
): LimitDecision {
  if (status === 2) {
    const held = heldIn(request.reservationId, String(rest[0]), String(rest[1]));
    if (held === undefined) throw new LimiterUnavailable('the reservation was made by another version');
    return { kind: 'admitted', held, observed: [], readings: [] };
  }
  if (status === 3 || status === 4) throw new LimiterUnavailable('the decision came too late');

  const numbers = rest as number[];
  const waitOf = (index: number) => numbers[index * 3 + 2] ?? 0;
  const readings = limits.map((limit, index) => ({
    limit,
    remaining: numbers[index * 3] ?? 0,
    resetMs: numbers[index * 3 + 1] ?? 0,
  }));
  const full = limits.flatMap((limit, index) => {
    const waitMs = waitOf(index);
    return waitMs === 0 ? [] : [{ limit, retryAfterMs: waitMs < 0 ? undefined : waitMs }];
  });
  const observed = full.filter(({ limit }) => limit.isObserved);
  if (status === 1) {
    const taken = limits.filter((_, index) => waitOf(index) === 0);
    const held = heldOf(request, taken, Math.floor(Number(nowUs) / 1000));
    return { kind: 'admitted', held, observed, readings };
  }
  const failures = full.filter(({ limit }) => !limit.isObserved);
  return { kind: 'refused', failures, observed, readings, isWaiting: status === 5 };
}

/** The use of a limit in a reply of status.lua. */
export function useIn(
  limit: Limit,
  value: number,
  { highest, nowUs }: { readonly highest: number; readonly nowUs: number },
): LimitUse {
  switch (limit.kind) {
    case 'requestRate':
      return useOfRate(value, limit, nowUs);
    case 'concurrency':
      return { current: value, resetMs: 0 };
    case 'window':
      return { current: value, resetMs: windowResetMs({ sum: value, highest }, limit, nowUs / 1000) };
    default:
      return limit satisfies never;
  }
}
