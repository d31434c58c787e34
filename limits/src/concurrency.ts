/** Slots in use: reservation id to the instant (ms) at which the lease runs out. */
export type Leases = Map<string, number>;

/** When to ask again if nothing says when a slot frees. */
export const RETRY_WHEN_FULL_MS = 250;

/**
 * Slots that are free at `nowMs`, at least 0. Only when none seems to be are leases dropped that have run out, so that
 * a crashed holder cannot keep its slot; one that runs longer than any lease can means that the clock stepped back, and
 * is pulled in.
 */
export function freeSlots(
  leases: Leases,
  { maxConcurrent, leaseMs }: { readonly maxConcurrent: number; readonly leaseMs: number },
  nowMs: number,
): number {
  if (leases.size >= maxConcurrent) dropExpired(leases, leaseMs, nowMs);
  return Math.max(0, maxConcurrent - leases.size);
}

/** Slots in use at `nowMs`. */
export function usedSlots(leases: Leases, nowMs: number): number {
  let used = 0;
  for (const expiresAtMs of leases.values()) if (expiresAtMs > nowMs) used++;
  return used;
}

function dropExpired(leases: Leases, leaseMs: number, nowMs: number): void {
  for (const [id, expiresAtMs] of leases) {
    if (expiresAtMs <= nowMs) leases.delete(id);
    else if (expiresAtMs > nowMs + 2 * leaseMs) leases.set(id, nowMs + leaseMs);
  }
}
