/** Slots in use: reservation id to the instant (ms) at which the lease runs out. */
export type Leases = Map<string, number>;

export type LeaseDecision = { readonly kind: 'fits' } | { readonly kind: 'full'; readonly retryAfterMs: number };

/** When to ask again if nothing says when a slot frees. */
const RETRY_WHEN_FULL_MS = 250;

/** Is a slot free at `nowMs`? Drops leases that have run out first, so a crashed holder cannot keep its slot. */
export function findSlot(leases: Leases, maxConcurrent: number, nowMs: number): LeaseDecision {
  if (leases.size >= maxConcurrent) dropExpired(leases, nowMs);
  if (leases.size < maxConcurrent) return { kind: 'fits' };
  return { kind: 'full', retryAfterMs: RETRY_WHEN_FULL_MS };
}

/** Slots in use at `nowMs`. */
export function usedSlots(leases: Leases, nowMs: number): number {
  dropExpired(leases, nowMs);
  return leases.size;
}

function dropExpired(leases: Leases, nowMs: number): void {
  for (const [id, expiresAtMs] of leases) if (expiresAtMs <= nowMs) leases.delete(id);
}
