/** Health of one server as attempts show it: a circuit breaker with slow re-entry. */
export interface UpstreamHealth {
  /** In a row. */
  readonly failures: number;
  /** Instant (ms) until which it is set aside; 0 while it takes traffic. */
  readonly openUntilMs: number;
  /** Instant (ms) at which it came back; -Infinity = it never was set aside. */
  readonly backAtMs: number;
}

/** When a server is set aside, and for how long. */
export interface EjectionTerms {
  readonly failures: number;
  readonly asideMs: number;
}

const FIVE_IN_A_ROW: EjectionTerms = { failures: 5, asideMs: 5_000 };

/** Share of its traffic with which a server begins that is back. */
const SLOW_START_SHARE = 0.1;

export const HEALTHY: UpstreamHealth = { failures: 0, openUntilMs: 0, backAtMs: Number.NEGATIVE_INFINITY };

/** Health after an attempt. So many failures in a row set the server aside; then one more failure does. */
export function afterAttempt(
  health: UpstreamHealth,
  result: 'ok' | 'failed',
  nowMs: number,
  terms: EjectionTerms = FIVE_IN_A_ROW,
): UpstreamHealth {
  if (result === 'ok') {
    const backAtMs = health.openUntilMs > 0 ? nowMs : health.backAtMs;
    return backAtMs === HEALTHY.backAtMs ? HEALTHY : { failures: 0, openUntilMs: 0, backAtMs };
  }
  const failures = health.failures + 1;
  return { ...health, failures, openUntilMs: failures >= terms.failures ? nowMs + terms.asideMs : 0 };
}

/** Does it take traffic at `nowMs`? */
export function isHealthy(health: UpstreamHealth | undefined, nowMs: number): boolean {
  return health === undefined || health.openUntilMs <= nowMs;
}

/** Is the next attempt the one that shows whether it is back? */
export function isOnTrial({ openUntilMs }: UpstreamHealth, nowMs: number): boolean {
  return openUntilMs > 0 && openUntilMs <= nowMs;
}

/** One attempt is under way to see whether it is back; others stay away meanwhile. */
export function onTrial(health: UpstreamHealth, nowMs: number, { asideMs }: EjectionTerms): UpstreamHealth {
  return { ...health, openUntilMs: nowMs + asideMs };
}

/** Share of its traffic that a server gets at `nowMs`, 0 to 1: it grows over `slowStartMs` once it is back. */
export function trafficShare({ backAtMs }: UpstreamHealth, nowMs: number, slowStartMs: number): number {
  const passed = nowMs - backAtMs;
  return passed >= slowStartMs ? 1 : SLOW_START_SHARE + (1 - SLOW_START_SHARE) * (passed / slowStartMs);
}
