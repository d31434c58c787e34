import type { Limit } from './plan.ts';

/** What is left of a plan while the shared counters cannot be reached. */
export interface DegradedPlan {
  /** Limits that refuse rather than guess. */
  readonly closed: readonly Limit[];
  /** Limits that this gateway counts alone, each with its share of the bound. */
  readonly local: readonly Limit[];
  /** Limits that let pass. */
  readonly open: readonly Limit[];
}

/**
 * Splits a plan by `onLimiterDown`. With N gateways each counts max(1, L / N), so that together they admit at most L
 * while N is right; with what the shared counters had admitted before, at most 2 L in a window that spans the switch.
 * An observed limit never refuses, so `closed` means nothing for it and it is counted locally.
 */
export function degrade(limits: readonly Limit[], gateways: number): DegradedPlan {
  const modeOf = ({ isObserved, onLimiterDown }: Limit) =>
    isObserved && onLimiterDown === 'closed' ? 'local' : onLimiterDown;
  return {
    closed: limits.filter((limit) => modeOf(limit) === 'closed'),
    local: limits.filter((limit) => modeOf(limit) === 'local').map((limit) => shareOf(limit, gateways)),
    open: limits.filter((limit) => modeOf(limit) === 'open'),
  };
}

function shareOf(limit: Limit, gateways: number): Limit {
  const share = (bound: number) => Math.max(1, Math.floor(bound / gateways));
  switch (limit.kind) {
    case 'requestRate':
      return { ...limit, emissionUs: limit.emissionUs * gateways, burst: share(limit.burst) };
    case 'concurrency':
      return { ...limit, maxConcurrent: share(limit.maxConcurrent) };
    case 'window':
      // A limit of 0 admits nothing, whoever counts.
      return { ...limit, max: limit.max === 0 ? 0 : share(limit.max) };
    default:
      return limit satisfies never;
  }
}
