import type { LimitStore } from './services.ts';
import { LEASE_MS } from './stages/reserve.ts';

/** A limit store that prolongs the leases of what it admitted, every third of their lifetime, until they are settled. */
export function leaseKeeper(store: LimitStore): LimitStore & { close(): void } {
  const running = new Set<string>();
  const timer = setInterval(() => {
    if (running.size > 0) store.renew(running, LEASE_MS).catch(() => {});
  }, LEASE_MS / 3);
  timer.unref();
  return {
    async reserve(limits, request) {
      const decision = await store.reserve(limits, request);
      if (decision.kind === 'admitted') running.add(request.reservationId);
      return decision;
    },
    settle(reservationId, actual) {
      running.delete(reservationId);
      return store.settle(reservationId, actual);
    },
    renew: (ids, leaseMs) => store.renew(ids, leaseMs),
    status: (limits) => store.status(limits),
    close: () => clearInterval(timer),
  };
}
