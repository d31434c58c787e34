import { GatewayError } from '../domain/gateway-error.ts';
import type { Received, Stage } from '../exchange.ts';
import type { Chained } from './find-fallbacks.ts';
import type { Matched } from './match-namespace.ts';

/** The provider of a request whose body is not read: the one named by `x-provider`, else the first that has an upstream. */
export const chooseProvider: Stage<Received & Matched, Chained> = ({ config, headers }) => {
  const { 'x-provider': name } = headers;
  const provider = config.providers.find((candidate) =>
    name === undefined ? candidate.upstreams.length > 0 : candidate.provider.name === name,
  );
  if (provider === undefined) throw new GatewayError('no_healthy_upstream', { message: 'There is no such provider.' });
  return { chain: [{ provider, resolvedModel: '' }] };
};
