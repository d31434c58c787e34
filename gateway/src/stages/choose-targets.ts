import type { Upstream } from '@ai-gateway/contracts';
import { GatewayError } from '../domain/gateway-error.ts';
import { preferring, rankTargets } from '../domain/rank-targets.ts';
import type { ModelChoice } from '../domain/resolve-model.ts';
import type { Received, Stage } from '../exchange.ts';

/** The upstreams of the provider in the order in which they are tried. */
export const chooseTargets: Stage<
  Received & { readonly choice: ModelChoice },
  { readonly targets: readonly Upstream[]; readonly secret: string | undefined }
> = ({ choice }, { health, nowMs, random, providerSecret }) => {
  const { provider, upstreams } = choice.provider;
  if (upstreams.length === 0) throw new GatewayError('no_healthy_upstream', { retryAfterMs: 1000 });

  const secret = provider.apiKeyEnv === undefined ? undefined : providerSecret(provider.apiKeyEnv);
  if (provider.apiKeyEnv !== undefined && secret === undefined) {
    throw new GatewayError('no_healthy_upstream', {
      message: `The gateway has no API key for the provider "${provider.name}".`,
      internal: `environment variable ${provider.apiKeyEnv} is not set`,
    });
  }
  const ranked = rankTargets(upstreams, (id) => health.of(id), nowMs(), random);
  return { targets: preferring(ranked, choice.preferredUpstreamId, (id) => health.of(id), nowMs()), secret };
};
