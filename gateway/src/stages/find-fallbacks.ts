import { chainFor } from '../domain/fallbacks.ts';
import type { ModelChoice } from '../domain/resolve-model.ts';
import type { Received, Stage } from '../exchange.ts';
import type { Matched } from './match-namespace.ts';

/** Everywhere that the request may be answered, the provider that serves the model first. */
export interface Chained {
  readonly chain: readonly ModelChoice[];
}

/** Which other providers and models stand in, should the one that serves the model fail. */
export const findFallbacks: Stage<Received & Matched & { readonly choice: ModelChoice }, Chained> = ({
  config,
  namespace,
  choice,
}) => ({ chain: config.fallbacks.length === 0 ? [choice] : chainFor(config, namespace.namespace.id, choice) });
