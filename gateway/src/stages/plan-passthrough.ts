import { NO_TOKENS } from '@ai-gateway/limits';
import type { Caller } from '../domain/access.ts';
import type { Received, Stage } from '../exchange.ts';
import type { Demand } from './cap-output.ts';
import type { Matched } from './match-namespace.ts';
import { type Planned, planOf } from './plan-limits.ts';

/** The plan of a request whose body is not read: request and concurrency limits, no tokens. */
export const planPassthrough: Stage<Received & Matched & { readonly caller: Caller }, Planned & Demand> = (
  exchange,
) => ({
  ...planOf(exchange, 'passthrough', undefined),
  tokenPolicies: [],
  price: undefined,
  priceOfTarget: () => undefined,
  demand: NO_TOKENS,
  isGuess: false,
});
