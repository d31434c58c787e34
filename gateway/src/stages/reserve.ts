import { GatewayError } from '../domain/gateway-error.ts';
import type { LimitFailure } from '../domain/limits/reserve.ts';
import type { Received, Stage } from '../exchange.ts';
import type { Demand } from './cap-output.ts';
import type { Matched } from './match-namespace.ts';
import type { Planned } from './plan-limits.ts';

/** Lifetime of a slot without renewal: a gateway that dies frees its slots after this. */
export const LEASE_MS = 30_000;

/** Takes every limit in one step and registers the settlement. */
export const reserve: Stage<Received & Matched & Planned & Demand, object> = async (exchange, services) => {
  const { limits, demand, reservationId, namespace, notes } = exchange;
  if (limits.length === 0) return {};

  const decision = await services.limits.reserve(limits, { ...demand, reservationId, leaseMs: LEASE_MS });
  const { code } = namespace.namespace;
  if (decision.kind === 'admitted') {
    exchange.defer(({ usage }) => services.limits.settle(reservationId, usage));
    for (const { limit } of decision.observed) services.metrics.refusal(code, { ...limit, isObserved: true });
    return {};
  }
  for (const { limit } of decision.failures) services.metrics.refusal(code, { ...limit, isObserved: false });
  notes.refusedByPolicyIds = [...new Set(decision.failures.map(({ limit }) => limit.policyId))];
  throw refusalOf(decision.failures);
};

/** Precedence when several limits refuse: what can never pass, then concurrency, requests, tokens. */
function refusalOf(failures: readonly LimitFailure[]): GatewayError {
  const policyIds = [...new Set(failures.map(({ limit }) => limit.policyId))];
  const never = failures.find(({ retryAfterMs }) => retryAfterMs === undefined);
  if (never !== undefined) {
    const bound = never.limit.kind === 'tokenWindow' ? ` at most ${never.limit.max} tokens` : '';
    return new GatewayError('tokens_exceed_limit', {
      message: `Policy "${never.limit.policyName}" can admit${bound} per window; this request asks for more.`,
      param: 'max_tokens',
      policyIds,
    });
  }
  const first = [...failures].sort((left, right) => precedence(left) - precedence(right))[0];
  return new GatewayError('rate_limit_exceeded', {
    message: first === undefined ? undefined : sentenceOf(first),
    type: first === undefined ? undefined : typeOf(first),
    retryAfterMs: Math.max(...failures.map(({ retryAfterMs }) => retryAfterMs ?? 0)),
    policyIds,
  });
}

function precedence({ limit }: LimitFailure): number {
  return ['concurrency', 'requestRate', 'requestWindow', 'tokenWindow'].indexOf(limit.kind);
}

function typeOf({ limit }: LimitFailure): string {
  if (limit.kind === 'concurrency') return 'concurrency';
  return limit.kind === 'tokenWindow' ? 'tokens' : 'requests';
}

function sentenceOf({ limit }: LimitFailure): string {
  switch (limit.kind) {
    case 'concurrency':
      return `Policy "${limit.policyName}" allows ${limit.maxConcurrent} requests at a time.`;
    case 'requestRate':
      return `Policy "${limit.policyName}" allows ${Math.round(1e9 / limit.emissionUs) / 1000} requests per second.`;
    case 'requestWindow':
      return `Policy "${limit.policyName}" allows ${limit.max} requests per ${limit.windowMs / 1000} s.`;
    case 'tokenWindow':
      return `Policy "${limit.policyName}" allows ${limit.max} ${limit.counts === 'total' ? '' : `${limit.counts} `}tokens per ${limit.windowMs / 1000} s.`;
    default:
      return limit satisfies never;
  }
}
