/** Errors in a row that open the breaker. */
const ERRORS_IN_A_ROW = 5;
/** With so many calls in a span, a share of errors above one half opens it too. */
const SPAN_MS = 1_000;
const CALLS_IN_SPAN = 10;
/** Between probes while it is open, give or take a fifth so that gateways do not probe together. */
const PROBE_MS = 500;
const PROBE_JITTER = 0.2;
/** After it closes, calls grow from a tenth to all of them over so long. */
const RAMP_MS = 2_000;
const RAMP_START = 0.1;

/** State of a circuit breaker in front of something shared; times in ms of one clock. */
export interface Breaker {
  readonly state: 'closed' | 'open';
  readonly errorsInARow: number;
  readonly spanStartMs: number;
  readonly calls: number;
  readonly errors: number;
  /** While open: when the next probe may go. */
  readonly probeAtMs: number;
  /** When it last closed; -Infinity = it never was open. */
  readonly closedAtMs: number;
}

export const CLOSED: Breaker = {
  state: 'closed',
  errorsInARow: 0,
  spanStartMs: 0,
  calls: 0,
  errors: 0,
  probeAtMs: 0,
  closedAtMs: Number.NEGATIVE_INFINITY,
};

/**
 * May a call go through at `nowMs`? While it is open only a probe may, one per interval; right after it has closed a
 * growing share, so that what comes back is not met by everybody at once. `random` is in [0, 1).
 */
export function mayCall(breaker: Breaker, nowMs: number, random: number): { ok: boolean; next: Breaker } {
  if (breaker.state === 'open') {
    if (nowMs < breaker.probeAtMs) return { ok: false, next: breaker };
    return { ok: true, next: { ...breaker, probeAtMs: nowMs + PROBE_MS * (1 + PROBE_JITTER * (2 * random - 1)) } };
  }
  const share = RAMP_START + (1 - RAMP_START) * ((nowMs - breaker.closedAtMs) / RAMP_MS);
  return { ok: random < share, next: breaker };
}

/** A call came back in time. */
export function succeeded(breaker: Breaker, nowMs: number): Breaker {
  if (breaker.state === 'open') return { ...CLOSED, closedAtMs: nowMs, spanStartMs: nowMs };
  const { spanStartMs, calls, errors } = spanAt(breaker, nowMs);
  return { ...breaker, errorsInARow: 0, spanStartMs, calls: calls + 1, errors };
}

/** A call failed or came too late. `random` is in [0, 1). */
export function failed(breaker: Breaker, nowMs: number, random: number): Breaker {
  const { spanStartMs, calls, errors } = spanAt(breaker, nowMs);
  const next = {
    ...breaker,
    spanStartMs,
    errorsInARow: breaker.errorsInARow + 1,
    calls: calls + 1,
    errors: errors + 1,
  };
  if (breaker.state === 'open') return next;
  const isMostly = next.calls >= CALLS_IN_SPAN && next.errors * 2 > next.calls;
  if (next.errorsInARow < ERRORS_IN_A_ROW && !isMostly) return next;
  return { ...next, state: 'open', probeAtMs: nowMs + PROBE_MS * (1 + PROBE_JITTER * (2 * random - 1)) };
}

function spanAt({ spanStartMs, calls, errors }: Breaker, nowMs: number) {
  return nowMs - spanStartMs < SPAN_MS ? { spanStartMs, calls, errors } : { spanStartMs: nowMs, calls: 0, errors: 0 };
}
