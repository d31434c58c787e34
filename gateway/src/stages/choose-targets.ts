import { GatewayError } from '../domain/gateway-error.ts';
import { hashKeyOf } from '../domain/hash-key.ts';
import type { ModelChoice } from '../domain/resolve-model.ts';
import type { Target } from '../domain/target.ts';
import type { Received, Stage } from '../exchange.ts';
import type { Chat } from '../protocols/openai-chat.ts';
import type { Services } from '../services.ts';
import type { Chained } from './find-fallbacks.ts';
import type { Planned } from './plan-limits.ts';

/** Where the request is sent, in the order of trying. */
export interface Targeted {
  readonly targets: readonly Target[];
}

/** The upstreams of the provider in the order in which they are tried, then those of its fallbacks. */
export const chooseTargets: Stage<Received & Planned & Chained & { readonly chat?: Chat }, Targeted> = (
  exchange,
  services,
) => {
  const { chain, facts, headers, chat } = exchange;
  const hashKey = (choice: ModelChoice) =>
    hashKeyOf(choice.provider.routing.hashOn, { virtualKeyId: facts.virtualKeyId, headers, body: chat?.body });
  const usable = chain.flatMap((choice) => targetsOf(choice, hashKey(choice), services));
  if (usable.length > 0) return { targets: usable };
  throw noTarget(chain, services);
};

function targetsOf(choice: ModelChoice, hashKey: string, { health, providerSecret }: Services): readonly Target[] {
  const { apiKeyEnv } = choice.provider.provider;
  const secret = apiKeyEnv === undefined ? undefined : providerSecret(apiKeyEnv);
  if (apiKeyEnv !== undefined && secret === undefined) return [];
  return health.rank(choice.provider, hashKey).map((upstream) => ({ choice, upstream, secret }));
}

/** Why the provider that serves the model has no target. */
function noTarget([choice]: readonly ModelChoice[], { providerSecret }: Services): GatewayError {
  const { provider, upstreams } = choice?.provider ?? {};
  if (provider?.apiKeyEnv !== undefined && providerSecret(provider.apiKeyEnv) === undefined) {
    return new GatewayError('no_healthy_upstream', {
      message: `The gateway has no API key for the provider "${provider.name}".`,
      internal: `environment variable ${provider.apiKeyEnv} is not set`,
    });
  }
  const isBusy = upstreams !== undefined && upstreams.length > 0;
  if (!isBusy) return new GatewayError('no_healthy_upstream', { retryAfterMs: 1000 });
  return new GatewayError('upstream_rate_limited', {
    message: 'Every upstream answers as many requests as it may.',
    retryAfterMs: 1000,
  });
}
