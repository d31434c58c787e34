/** Slots in use: reservation id to the instant (ms) at which the lease runs out. */
export type Leases = Map<string, number>;

/** When to ask again if nothing says when a slot frees. */
export const RETRY_WHEN_FULL_MS = 250;

/**
 * Slots in use at `nowMs`. Drops leases that have run out, so a crashed holder cannot keep its slot; one that runs
 * longer than any lease can means that the clock stepped back, and is pulled in.
 */
export function usedSlots(leases: Leases, leaseMs: number, nowMs: number): number {
  for (const [id, expiresAtMs] of leases) {
    if (expiresAtMs <= nowMs) leases.delete(id);
    else if (expiresAtMs > nowMs + 2 * leaseMs) leases.set(id, nowMs + leaseMs);
  }
  return leases.size;
}
