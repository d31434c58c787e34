import { GatewayError } from '../domain/gateway-error.ts';
import { targetProvider } from '../domain/resolve-model.ts';
import { factsOfModel } from '../domain/served-models.ts';
import type { Received, Stage } from '../exchange.ts';
import type { Chained } from './find-fallbacks.ts';
import type { Matched } from './match-namespace.ts';

/**
 * The provider of a request whose body is not read: the one named by `x-provider`, else that of the location, else the
 * namespace's default, else the first that has an upstream. None goes to a Portkey gateway, which wants to be told of the
 * model.
 */
export const chooseProvider: Stage<Received & Matched, Chained> = ({ config, namespace, located, headers }) => {
  const { 'x-provider': name } = headers;
  const { location } = located ?? {};
  const { defaultProviderId, defaultUpstreamId } = namespace.namespace;
  const provider =
    name === undefined
      ? (targetProvider(config, location?.providerId, location?.upstreamId) ??
        targetProvider(config, defaultProviderId, defaultUpstreamId) ??
        config.providers.find(({ upstreams, portkey }) => upstreams.length > 0 && portkey === undefined))
      : config.providers.find((candidate) => candidate.provider.name === name);
  if (provider === undefined) throw new GatewayError('no_healthy_upstream', { message: 'There is no such provider.' });
  if (provider.portkey !== undefined) {
    const message = `The provider "${provider.provider.name}" is a Portkey gateway; this path cannot go there.`;
    throw new GatewayError('invalid_request', { message, param: 'x-provider' });
  }
  const preferred = [location?.upstreamId, defaultUpstreamId];
  const preferredUpstreamId = preferred.find((id) => provider.upstreams.some((upstream) => upstream.id === id));
  const noModel = { resolvedModel: '', upstreamModel: '', listedModel: '', ...factsOfModel(undefined) };
  return { chain: [{ provider, ...noModel, preferredUpstreamId }] };
};
