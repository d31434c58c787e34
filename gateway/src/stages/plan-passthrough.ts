import { NO_TOKENS } from '@ai-gateway/limits';
import type { Caller } from '../domain/access.ts';
import type { ModelChoice } from '../domain/resolve-model.ts';
import type { Received, Stage } from '../exchange.ts';
import type { Demand } from './cap-output.ts';
import type { Matched } from './match-namespace.ts';
import { type Planned, planOf } from './plan-limits.ts';

type Plannable = Received & Matched & { readonly caller: Caller; readonly choice?: ModelChoice };

/** The plan of a request that no model answers in words: request and concurrency limits, no tokens. */
export const planPassthrough: Stage<Plannable, Planned & Demand> = (exchange) => {
  const { account: _, ...plan } = planOf(exchange, 'passthrough', exchange.choice);
  return {
    ...plan,
    tokenPolicies: [],
    price: undefined,
    priceOfTarget: () => undefined,
    demand: NO_TOKENS,
    isGuess: false,
  };
};
