import type { Upstream } from '@ai-gateway/contracts';
import type { CompiledProvider } from './compile-snapshot.ts';
import { GatewayError } from './gateway-error.ts';
import type { UsableKey } from './provider-keys.ts';

export interface KeyQuestion {
  readonly upstreamId: string;
  /** Ids of keys to do without while there are others: those that the provider has just refused. */
  readonly passedOver: ReadonlySet<string>;
  /** A number in [0, 1). */
  readonly random: () => number;
}

/**
 * The key for one attempt: of those for the upstream, the smallest priority, and among these by weight.
 * Undefined when there is none; `upstreamsWithKey` tells whether one is needed.
 */
export function chooseKey(
  keys: readonly UsableKey[],
  { upstreamId, passedOver, random }: KeyQuestion,
): UsableKey | undefined {
  const meant = keys.filter((key) => isFor(key, upstreamId));
  const preferred = meant.filter(({ id }) => !passedOver.has(id));
  const candidates = preferred.length > 0 ? preferred : meant;
  const first = Math.min(...candidates.map(({ priority }) => priority));
  return byWeight(
    candidates.filter(({ priority }) => priority === first),
    random(),
  );
}

/** Is there a key for the upstream beside those to do without? */
export function hasOtherKey(
  keys: readonly UsableKey[],
  { upstreamId, passedOver }: Omit<KeyQuestion, 'random'>,
): boolean {
  return keys.some((key) => isFor(key, upstreamId) && !passedOver.has(key.id));
}

/** The upstreams that can be called: all if the provider needs no key, else those that a key is for. */
export function upstreamsWithKey({ upstreams, keys, isKeyNeeded }: CompiledProvider): readonly Upstream[] {
  if (!isKeyNeeded) return upstreams;
  return upstreams.filter(({ id }) => keys.some((key) => isFor(key, id)));
}

/** What a caller is told when no key is for any upstream. */
export function noKeyError({ provider, unusableKeys }: CompiledProvider): GatewayError {
  const reasons = unusableKeys.map(({ keyId, reason }) => `${keyId}: ${reason}`).join('; ');
  return new GatewayError('no_healthy_upstream', {
    message: `The gateway has no API key for the provider "${provider.name}".`,
    internal: reasons === '' ? 'no provider key is enabled for an enabled upstream' : reasons,
  });
}

function isFor(key: UsableKey, upstreamId: string): boolean {
  return key.upstreamId === undefined || key.upstreamId === upstreamId;
}

function byWeight(keys: readonly UsableKey[], random: number): UsableKey | undefined {
  let left = random * keys.reduce((sum, { weight }) => sum + weight, 0);
  return keys.find(({ weight }) => {
    left -= weight;
    return left < 0;
  });
}
