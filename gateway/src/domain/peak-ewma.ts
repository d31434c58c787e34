/** Time (ms) after which a measured latency counts for 1/e. */
const DECAY_MS = 10_000;

/** A latency that rises at once and falls slowly, so that a server that stalls is noticed with its first slow answer. */
export interface PeakEwma {
  readonly latencyMs: number;
  readonly atMs: number;
}

/**
 * The latency after a new measurement.
 * Peak exponentially weighted moving average, as in Twitter's Finagle: https://linkerd.io/2016/03/16/beyond-round-robin-load-balancing-for-latency/
 */
export function observed(before: PeakEwma | undefined, latencyMs: number, atMs: number): PeakEwma {
  if (before === undefined || latencyMs >= before.latencyMs) return { latencyMs, atMs };
  const share = Math.exp(-Math.max(0, atMs - before.atMs) / DECAY_MS);
  return { latencyMs: before.latencyMs * share + latencyMs * (1 - share), atMs };
}

/** The latency to expect at `nowMs`: it fades while nothing is measured, so that a slow server is tried again. */
export function expectedMs(known: PeakEwma | undefined, nowMs: number): number {
  if (known === undefined) return 0;
  return known.latencyMs * Math.exp(-Math.max(0, nowMs - known.atMs) / DECAY_MS);
}
