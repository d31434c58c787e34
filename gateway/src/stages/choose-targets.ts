import type { Upstream } from '@ai-gateway/contracts';
import { hasOtherKey, noKeyError, upstreamsWithKey } from '../domain/choose-key.ts';
import { GatewayError } from '../domain/gateway-error.ts';
import { hashKeyOf } from '../domain/hash-key.ts';
import { preferring } from '../domain/rank-targets.ts';
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
  throw noTarget(chain);
};

/** An upstream whose keys are all left alone for now comes after those that have one. */
function targetsOf(choice: ModelChoice, hashKey: string, { health, nowMs }: Services): readonly Target[] {
  const { provider } = choice;
  if (provider.portkey?.kind === 'closed') return [];
  const callable = new Set(upstreamsWithKey(provider));
  const passedOver = health.coolingKeys();
  const isReady = ({ id }: Upstream) =>
    !provider.isKeyNeeded || hasOtherKey(provider.keys, { upstreamId: id, passedOver });
  const ranked = health.rank(provider, hashKey).filter((upstream) => callable.has(upstream));
  const ready = ranked.filter(isReady);
  const preferred = preferring(ready, choice.preferredUpstreamId, (id) => health.of(id).health, nowMs());
  return [...preferred, ...ranked.filter((upstream) => !isReady(upstream))].map((upstream) => ({ choice, upstream }));
}

/** Why the provider that serves the model has no target. */
function noTarget([choice]: readonly ModelChoice[]): GatewayError {
  if (choice === undefined || choice.provider.upstreams.length === 0)
    return new GatewayError('no_healthy_upstream', { retryAfterMs: 1000 });
  const { portkey } = choice.provider;
  if (portkey?.kind === 'closed') return new GatewayError('no_healthy_upstream', { message: portkey.reason });
  if (upstreamsWithKey(choice.provider).length === 0) return noKeyError(choice.provider);
  return new GatewayError('upstream_rate_limited', {
    message: 'Every upstream answers as many requests as it may.',
    retryAfterMs: 1000,
  });
}
