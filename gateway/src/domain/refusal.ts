import { amountOf as moneyOf } from '@ai-gateway/contracts';
import { type LimitDecision, type LimitFailure, RETRY_WHEN_FULL_MS, type WindowBound } from '@ai-gateway/limits';
import { GatewayError } from './gateway-error.ts';
import { rateHeaders } from './rate-headers.ts';

/** The error of a refused request. Precedence: what can never pass, then concurrency, requests, tokens, money. */
export function refusalOf({ failures, readings }: Extract<LimitDecision, { kind: 'refused' }>): GatewayError {
  const policyIds = [...new Set(failures.map(({ limit }) => limit.policyId))];
  const headers = rateHeaders(readings);
  const never = failures.find(({ retryAfterMs }) => retryAfterMs === undefined);
  if (never !== undefined && never.limit.kind === 'window') {
    return new GatewayError('tokens_exceed_limit', {
      message: `Policy "${never.limit.policyName}" can admit at most ${boundText(never.limit)} per window; this request asks for more.`,
      param: 'max_tokens',
      policyIds,
      headers,
    });
  }
  const first = [...failures].sort((left, right) => precedence(left) - precedence(right))[0];
  return new GatewayError('rate_limit_exceeded', {
    message: first === undefined ? undefined : sentenceOf(first),
    type: first === undefined ? undefined : typeOf(first),
    retryAfterMs: Math.max(...failures.map(waitOf)),
    policyIds,
    headers,
  });
}

/** Those in line look for a slot more often than a client should. */
function waitOf({ limit, retryAfterMs = 0 }: LimitFailure): number {
  return limit.kind === 'concurrency' ? Math.max(RETRY_WHEN_FULL_MS, retryAfterMs) : retryAfterMs;
}

function precedence({ limit }: LimitFailure): number {
  if (limit.kind === 'concurrency') return 0;
  if (limit.kind === 'requestRate' || limit.counts === 'requests') return 1;
  return limit.counts === 'cost' ? 3 : 2;
}

function typeOf({ limit }: LimitFailure): string {
  if (limit.kind === 'concurrency') return 'concurrency';
  if (limit.kind === 'requestRate' || limit.counts === 'requests') return 'requests';
  return limit.counts === 'cost' ? 'insufficient_quota' : 'tokens';
}

function sentenceOf({ limit }: LimitFailure): string {
  switch (limit.kind) {
    case 'concurrency':
      return `Policy "${limit.policyName}" allows ${limit.maxConcurrent} requests at a time.`;
    case 'requestRate':
      return `Policy "${limit.policyName}" allows ${Math.round(1e9 / limit.emissionUs) / 1000} requests per second.`;
    case 'window':
      return `Policy "${limit.policyName}" allows ${boundText(limit)} per ${limit.windowMs / 1000} s.`;
    default:
      return limit satisfies never;
  }
}

function boundText({ counts, max }: WindowBound): string {
  switch (counts) {
    case 'requests':
      return `${max} requests`;
    case 'total':
      return `${max} tokens`;
    case 'input':
    case 'output':
      return `${max} ${counts} tokens`;
    case 'cost':
      return `an amount of ${moneyOf(BigInt(max) * 1000n)}`;
    default:
      return counts satisfies never;
  }
}
