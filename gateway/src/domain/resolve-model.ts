import { followRedirects, type Location } from '@ai-gateway/contracts';
import { redirectsOf } from './compile-routing.ts';
import type { CompiledConfig, CompiledProvider } from './compile-snapshot.ts';
import { GatewayError } from './gateway-error.ts';
import { type ModelAccess, mayUse } from './model-access.ts';
import { factsOfModel, findServed, type ModelFacts, type ServedModel } from './served-models.ts';

/** Where a model goes: the provider, and the names of the model. */
export interface ModelChoice extends ModelFacts {
  readonly provider: CompiledProvider;
  /** The name that limits, prices, counts and the log go by. */
  readonly resolvedModel: string;
  /** The name that the provider is sent. */
  readonly upstreamModel: string;
  /** What `countPer: model` counts by: the model, or the provider's pattern when only that lists it. */
  readonly listedModel: string;
  /** The upstream that is to be tried first. */
  readonly preferredUpstreamId: string | undefined;
}

/** What a request says about its target, and who it is from. */
export interface ModelRequest extends ModelAccess {
  readonly requestedModel: string;
  /** `provider` in the body. */
  readonly requestedProvider?: string | undefined;
  readonly location?: Location | undefined;
}

/** A provider with the model that it serves under the name that is asked for. */
interface Offer {
  readonly provider: CompiledProvider;
  readonly model: ServedModel;
}

/**
 * Which provider serves a request and by what name. Redirects come first. Then the first of these decides:
 * `provider/model`, when there is such a provider; `provider` in the body; the location of the path; the namespace's
 * default, if it has the model; else the enabled provider of smallest priority that has it, an exact name before a
 * pattern at equal priority. Only what the caller may use counts.
 * @throws GatewayError `model_not_found`, `model_not_allowed`, `provider_not_found`, `invalid_request`
 */
export function resolveModel(config: CompiledConfig, request: ModelRequest): ModelChoice {
  const name = followRedirects(redirectsOf(config, request.namespace.id), request.requestedModel);
  if (name === undefined) throw notFound(request, 'its redirects never end');

  const { provider: prefixed, model } = splitName(config, name);
  const named = namedProvider(config, request, prefixed) ?? locatedProvider(config, request.location);
  const offers = offersOf(config, named === undefined ? config.providers : [named], model);
  const allowed = offers.filter((offer) => mayUse(request, offer.provider.provider.name, offer.model.name));
  const chosen = allowed.find(({ provider }) => provider === defaultProvider(config, request)) ?? best(allowed);
  if (chosen === undefined) throw refusalOf(config, request, model, offers);
  return choiceOf(chosen, request);
}

/** The provider that a location or a namespace sends requests to, if it can take any. */
export function targetProvider(
  { providers, providerOfUpstream }: Pick<CompiledConfig, 'providers' | 'providerOfUpstream'>,
  providerId: string | undefined,
  upstreamId: string | undefined,
): CompiledProvider | undefined {
  const wanted = providerId ?? (upstreamId === undefined ? undefined : providerOfUpstream.get(upstreamId));
  if (wanted === undefined) return undefined;
  return providers.find(({ provider, upstreams }) => provider.id === wanted && upstreams.length > 0);
}

/** The part before the first slash is a provider only if there is one of that name. */
function splitName({ providers }: CompiledConfig, name: string) {
  const slash = name.indexOf('/');
  const prefix = slash > 0 ? name.slice(0, slash) : undefined;
  const provider = prefix === undefined ? undefined : providers.find((each) => each.provider.name === prefix);
  return { provider, model: provider === undefined ? name : name.slice(slash + 1) };
}

/** @throws GatewayError when the body names a provider that does not exist, or another one than the model does */
function namedProvider(
  { providers }: CompiledConfig,
  { requestedProvider, requestedModel }: ModelRequest,
  prefixed: CompiledProvider | undefined,
): CompiledProvider | undefined {
  if (requestedProvider === undefined) return prefixed;
  if (prefixed !== undefined && prefixed.provider.name !== requestedProvider) {
    throw new GatewayError('invalid_request', {
      message: `The model "${requestedModel}" goes to "${prefixed.provider.name}", but provider says "${requestedProvider}".`,
      param: 'provider',
    });
  }
  const found = providers.find(({ provider }) => provider.name === requestedProvider);
  if (found !== undefined) return found;
  const message = `The provider "${requestedProvider}" does not exist or serves nothing here.`;
  throw new GatewayError('provider_not_found', { message, param: 'provider' });
}

function locatedProvider(config: CompiledConfig, location: Location | undefined): CompiledProvider | undefined {
  return location && targetProvider(config, location.providerId, location.upstreamId);
}

function defaultProvider(config: CompiledConfig, { namespace }: ModelRequest): CompiledProvider | undefined {
  return targetProvider(config, namespace.defaultProviderId, namespace.defaultUpstreamId);
}

function offersOf({ served }: CompiledConfig, providers: readonly CompiledProvider[], model: string): readonly Offer[] {
  return providers.flatMap((provider) => {
    const found = findServed(served.get(provider.provider.id), model);
    return found === undefined ? [] : [{ provider, model: found }];
  });
}

/** Of offers in order of priority the first, unless another of equal priority has the exact name. */
function best(offers: readonly Offer[]): Offer | undefined {
  const [first] = offers;
  if (first === undefined) return undefined;
  const { priority } = first.provider.provider;
  return offers.find(({ provider, model }) => provider.provider.priority === priority && model.isExact) ?? first;
}

function choiceOf({ provider, model }: Offer, { location, namespace }: ModelRequest): ModelChoice {
  const preferred = [location?.upstreamId, namespace.defaultUpstreamId];
  return {
    provider,
    resolvedModel: model.name,
    upstreamModel: model.upstreamName,
    listedModel: model.listedName,
    ...factsOfModel(model.row),
    preferredUpstreamId: preferred.find((id) => provider.upstreams.some((upstream) => upstream.id === id)),
  };
}

/** What a caller may not list it must not learn of: only a model that another way leads to is called not allowed. */
function refusalOf(
  config: CompiledConfig,
  request: ModelRequest,
  model: string,
  offers: readonly Offer[],
): GatewayError {
  const others = offersOf(config, config.providers, model);
  const isListed = others.some((offer) => mayUse(request, offer.provider.provider.name, offer.model.name));
  if (offers.length === 0 || !isListed) return notFound(request);
  const providers = offers.map(({ provider }) => `"${provider.provider.name}"`).join(', ');
  return new GatewayError('model_not_allowed', {
    message: `The model "${request.requestedModel}" may not be used here at ${providers}.`,
    param: 'model',
  });
}

function notFound({ requestedModel }: ModelRequest, internal?: string): GatewayError {
  return new GatewayError('model_not_found', {
    message: `The model "${requestedModel}" does not exist or is not served here.`,
    param: 'model',
    ...(internal !== undefined && { internal }),
  });
}
