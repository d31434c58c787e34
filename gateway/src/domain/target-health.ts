/** Health of one upstream as its attempts show it (a circuit breaker). */
export interface UpstreamHealth {
  readonly failures: number;
  /** Instant (ms) until which it is set aside; 0 while it takes traffic. */
  readonly openUntilMs: number;
}

const FAILURES_TO_OPEN = 5;
const OPEN_MS = 5_000;

export const HEALTHY: UpstreamHealth = { failures: 0, openUntilMs: 0 };

/** Health after an attempt. Five failures in a row set the upstream aside for 5 s; then one more failure does. */
export function afterAttempt(health: UpstreamHealth, result: 'ok' | 'failed', nowMs: number): UpstreamHealth {
  if (result === 'ok') return HEALTHY;
  const failures = health.failures + 1;
  return { failures, openUntilMs: failures >= FAILURES_TO_OPEN ? nowMs + OPEN_MS : 0 };
}

/** Does it take traffic at `nowMs`? */
export function isHealthy(health: UpstreamHealth | undefined, nowMs: number): boolean {
  return health === undefined || health.openUntilMs <= nowMs;
}
