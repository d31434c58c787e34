import type { Upstream } from '@ai-gateway/contracts';
import { isHealthy, type UpstreamHealth } from './target-health.ts';

/**
 * The order in which upstreams are tried: weighted random among those that take traffic, then the others as a last
 * resort (when all are set aside, trying is better than refusing).
 * @param random numbers in [0, 1)
 */
export function rankTargets(
  upstreams: readonly Upstream[],
  health: (upstreamId: string) => UpstreamHealth | undefined,
  nowMs: number,
  random: () => number,
): readonly Upstream[] {
  if (upstreams.length <= 1) return upstreams;
  // Efraimidis-Spirakis: the largest random^(1/weight) wins, which draws without replacement in proportion to weight.
  return upstreams
    .map((upstream) => ({
      upstream,
      healthy: isHealthy(health(upstream.id), nowMs),
      key: random() ** (1 / upstream.weight),
    }))
    .sort((left, right) => Number(right.healthy) - Number(left.healthy) || right.key - left.key)
    .map(({ upstream }) => upstream);
}

/** The same order with one upstream first, unless it is set aside: what a rule prefers must not fail for that. */
export function preferring(
  ranked: readonly Upstream[],
  preferredId: string | undefined,
  health: (upstreamId: string) => UpstreamHealth | undefined,
  nowMs: number,
): readonly Upstream[] {
  const preferred = ranked.find(({ id }) => id === preferredId);
  if (preferred === undefined || !isHealthy(health(preferred.id), nowMs)) return ranked;
  return [preferred, ...ranked.filter((upstream) => upstream !== preferred)];
}
