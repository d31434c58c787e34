import type { Received, Stage } from '../exchange.ts';
import type { Demand } from './cap-output.ts';
import type { Matched } from './match-namespace.ts';
import type { Planned } from './plan-limits.ts';

/** The plan of a request whose body is not read: request and concurrency limits, no tokens. */
export const planPassthrough: Stage<Received & Matched, Planned & Demand> = ({ namespace }) => ({
  limits: namespace.passthroughLimits,
  tokenPolicies: [],
  demand: { inputTokens: 0, outputTokens: 0, isOutputNamed: true },
});
