import { afterAttempt, HEALTHY, isHealthy, type UpstreamHealth } from '../domain/target-health.ts';
import type { Log, Metrics, TargetHealth } from '../services.ts';

/** Upstream health as the attempts of this process show it. */
export function memoryTargetHealth(nowMs: () => number, metrics: Metrics, log: Log): TargetHealth {
  const known = new Map<string, UpstreamHealth>();
  return {
    of: (upstreamId) => known.get(upstreamId),
    report({ provider }, { id }, failure) {
      const before = known.get(id);
      if (failure === undefined && before === undefined) return;
      const after = afterAttempt(before ?? HEALTHY, failure === undefined ? 'ok' : 'failed', nowMs());
      if (after === HEALTHY) known.delete(id);
      else known.set(id, after);

      const isUp = isHealthy(after, nowMs());
      if (isUp === isHealthy(before, nowMs())) return;
      metrics.upstreamUp(provider.name, id, isUp);
      if (!isUp) log.warn({ provider: provider.name, upstream: id, failures: after.failures }, 'upstream set aside');
    },
  };
}
