import type { PortkeyConfig, PortkeyTarget, Provider, Upstream } from '@ai-gateway/contracts';
import type { ProviderKeys } from './provider-keys.ts';
import { findServed, type ServedModels } from './served-models.ts';

/** A provider as far as a Portkey gateway is told of it. */
interface Member extends ProviderKeys {
  readonly provider: Provider;
  readonly upstreams: readonly Upstream[];
}

/** One place that a Portkey gateway may send a request to. */
export interface PortkeyRoute extends Pick<ProviderKeys, 'keys'> {
  readonly target: PortkeyTarget;
  readonly provider: Provider;
  readonly upstream: Upstream;
  /** The provider's own name for the model; undefined: the one that is asked for. */
  readonly model: string | undefined;
}

/** How a Portkey gateway routes, or why nothing can be sent to it. */
export type PortkeyPlan =
  | { readonly kind: 'routed'; readonly config: PortkeyConfig; readonly routes: readonly PortkeyRoute[] }
  | { readonly kind: 'closed'; readonly reason: string };

/**
 * The plan of a provider of the dialect `portkey` by its active config. Targets that can take no requests (switched off,
 * without an upstream or a key) are left out, except with `conditional`, where each is meant for certain requests.
 * @param members enabled providers by id
 */
export function compilePortkey(
  { id, name }: Provider,
  configs: readonly PortkeyConfig[],
  members: ReadonlyMap<string, Member>,
  served: ReadonlyMap<string, ServedModels>,
): PortkeyPlan {
  const own = configs.filter(({ providerId }) => providerId === id);
  const config = own.find(({ isEnabled }) => isEnabled);
  if (config === undefined) {
    const [last] = own;
    const reason =
      last === undefined
        ? `The provider "${name}" has no Portkey config.`
        : `The Portkey config "${last.name}" of the provider "${name}" is deactivated.`;
    return { kind: 'closed', reason };
  }
  const routes = config.targets.flatMap((target) => routeOf(target, members, served) ?? []);
  const isWhole = routes.length === config.targets.length;
  if (isWhole || (routes.length > 0 && config.strategy.mode !== 'conditional')) {
    return { kind: 'routed', config, routes };
  }
  const which = routes.length === 0 ? 'No target' : 'Not every target';
  const reason = `${which} of the Portkey config "${config.name}" can take requests: a provider is switched off, or has no upstream or key.`;
  return { kind: 'closed', reason };
}

function routeOf(
  target: PortkeyTarget,
  members: ReadonlyMap<string, Member>,
  served: ReadonlyMap<string, ServedModels>,
): PortkeyRoute | undefined {
  const member = members.get(target.providerId);
  if (member === undefined || member.provider.dialect === 'portkey') return undefined;
  const isMeant = ({ id }: Upstream) => target.upstreamId === undefined || target.upstreamId === id;
  const upstream = member.upstreams
    .filter((each) => isMeant(each) && (!member.isKeyNeeded || keysFor(member, each).length > 0))
    .reduce<Upstream | undefined>(
      (first, each) => (first && first.priority <= each.priority ? first : each),
      undefined,
    );
  if (upstream === undefined) return undefined;
  const model = target.model && (findServed(served.get(target.providerId), target.model)?.upstreamName ?? target.model);
  return { target, provider: member.provider, upstream, keys: keysFor(member, upstream), model };
}

function keysFor({ keys }: Member, { id }: Upstream): ProviderKeys['keys'] {
  return keys.filter(({ upstreamId }) => upstreamId === undefined || upstreamId === id);
}
