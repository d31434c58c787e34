import type { Upstream } from '@ai-gateway/contracts';
import { noKeyError, upstreamsWithKey } from '../domain/choose-key.ts';
import { GatewayError } from '../domain/gateway-error.ts';
import { preferring, rankTargets } from '../domain/rank-targets.ts';
import type { ModelChoice } from '../domain/resolve-model.ts';
import type { Received, Stage } from '../exchange.ts';

/** The upstreams of the provider in the order in which they are tried; those that no key is for are left out. */
export const chooseTargets: Stage<
  Received & { readonly choice: ModelChoice },
  { readonly targets: readonly Upstream[] }
> = ({ choice: { provider, preferredUpstreamId } }, { health, nowMs, random }) => {
  if (provider.upstreams.length === 0) throw new GatewayError('no_healthy_upstream', { retryAfterMs: 1000 });
  const callable = upstreamsWithKey(provider);
  if (callable.length === 0) throw noKeyError(provider);
  const ranked = rankTargets(callable, (id) => health.of(id), nowMs(), random);
  return { targets: preferring(ranked, preferredUpstreamId, (id) => health.of(id), nowMs()) };
};
