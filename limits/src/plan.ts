import {
  type CountedPer,
  microsOf,
  nanosOf,
  type OnLimiterDown,
  type Policy,
  type PolicyScope,
  type QpsLimit,
  type TokenLimit,
} from '@ai-gateway/contracts';
import type { Counts } from './amounts.ts';
import type { RateLimit } from './rate.ts';
import { concerns, type RequestFacts } from './request-facts.ts';
import { bucketsOf, type WindowLimit } from './token-window.ts';

/** What every limit says beside its bound. */
export interface LimitBase {
  /** The policy or layered limit that it comes from. */
  readonly policyId: string;
  readonly policyName: string;
  /** Key of the counter: whoever names the same key shares it. Changes with the units of the state, not with the bound. */
  readonly key: string;
  /** Whose counter it is, where one limit has several. */
  readonly countedFor?: string | undefined;
  /** Counted and reported, never refused. */
  readonly isObserved: boolean;
  readonly onLimiterDown: OnLimiterDown;
  /** Requests may wait for room in it, so nobody may pass those who wait already. */
  readonly isQueued: boolean;
}

export type RateBound = LimitBase & { readonly kind: 'requestRate' } & RateLimit;
export type SlotBound = LimitBase & { readonly kind: 'concurrency'; readonly maxConcurrent: number };
export type WindowBound = LimitBase & { readonly kind: 'window'; readonly counts: Counts } & WindowLimit;

/** One countable bound that a request must take. */
export type Limit = RateBound | SlotBound | WindowBound;

/** Whether a limit counts requests, not their tokens or cost, so that it can be checked without reading the body. */
export function countsRequests(limit: Limit): boolean {
  return limit.kind !== 'window' || limit.counts === 'requests';
}

/** A policy's limit and which requests it concerns. */
export interface PlannedLimit {
  readonly limit: Limit;
  readonly scope: PolicyScope;
  readonly countPer: readonly CountedPer[];
  readonly appliesTo: TokenLimit['appliesTo'];
  /** Needs the upstream, which is known only when a target is chosen. */
  readonly isPerUpstream: boolean;
}

/** Order of the parts of a counter's key; the model comes last because it alone may contain the separator. */
const FACT_OF: readonly (readonly [CountedPer, keyof RequestFacts])[] = [
  ['namespace', 'namespaceId'],
  ['virtualKey', 'virtualKeyId'],
  ['tenant', 'tenantId'],
  ['customerType', 'customerTypeId'],
  ['provider', 'providerId'],
  ['upstream', 'upstreamId'],
  ['model', 'listedModel'],
];

/** The limits of policies, in order of priority. */
export function planPolicies(policies: readonly Policy[], isQueued: boolean): readonly PlannedLimit[] {
  return policies.flatMap((policy) => {
    const { scope, countPer, rule } = policy;
    const appliesTo = rule.kind === 'token-limit' ? rule.appliesTo : 'all';
    const isPerUpstream = scope.upstreamId !== undefined || countPer.includes('upstream');
    return limitsOfPolicy(policy, isQueued).map((limit) => ({ limit, scope, countPer, appliesTo, isPerUpstream }));
  });
}

/** Those of the planned limits that concern a request, each with the key of the counter that it takes from. */
export function limitsFor(planned: readonly PlannedLimit[], facts: RequestFacts): readonly Limit[] {
  const limits: Limit[] = [];
  for (const { limit, scope, countPer } of planned) {
    if (!concerns(scope, facts)) continue;
    if (countPer.length === 0) {
      limits.push(limit);
      continue;
    }
    const countedFor = suffixOf(countPer, facts);
    limits.push({ ...limit, key: `${limit.key}/${countedFor}`, countedFor });
  }
  return limits;
}

/** A window limit; its key names everything that gives the state its meaning. */
export function windowLimit(
  base: Omit<LimitBase, 'key'>,
  name: string,
  { counts, windowSeconds, max }: { counts: Counts; windowSeconds: number; max: number },
): WindowBound {
  const windowMs = windowSeconds * 1000;
  const buckets = bucketsOf(windowMs);
  return { ...base, kind: 'window', key: `w:${name}:${counts}:${windowMs}:${buckets}`, counts, windowMs, buckets, max };
}

function limitsOfPolicy(policy: Policy, isQueued: boolean): readonly Limit[] {
  const { id, name: policyName, mode, onLimiterDown, rule } = policy;
  const base = { policyId: id, policyName, isObserved: mode === 'observe', onLimiterDown, isQueued };
  switch (rule.kind) {
    case 'qps-limit':
      return [rateOf(base, rule)];
    case 'concurrency-limit':
      return [{ ...base, kind: 'concurrency', key: `c:${id}`, maxConcurrent: rule.maxConcurrent }];
    case 'request-limit':
      return rule.windows.map(({ windowSeconds, maxRequests: max }) =>
        windowLimit(base, id, { counts: 'requests', windowSeconds, max }),
      );
    case 'token-limit':
      return rule.windows.map(({ counts, windowSeconds, maxTokens: max }) =>
        windowLimit(base, id, { counts, windowSeconds, max }),
      );
    case 'budget-limit':
      return rule.windows.map(({ windowSeconds, maxAmount }) =>
        windowLimit(base, id, { counts: 'cost', windowSeconds, max: microsOf(nanosOf(maxAmount)) }),
      );
    case 'message-matching':
      return [];
    default:
      return rule satisfies never;
  }
}

function rateOf(base: Omit<LimitBase, 'key'>, { algorithm, maxQps, windowSeconds, ...rule }: QpsLimit): Limit {
  if (algorithm === 'strict') {
    const max = Math.max(1, Math.floor(maxQps * windowSeconds));
    return windowLimit(base, base.policyId, { counts: 'requests', windowSeconds, max });
  }
  const burst = rule.burst ?? Math.max(1, Math.ceil(maxQps * windowSeconds));
  return { ...base, kind: 'requestRate', key: `q:${base.policyId}`, emissionUs: Math.ceil(1_000_000 / maxQps), burst };
}

function suffixOf(countPer: readonly CountedPer[], facts: RequestFacts): string {
  return FACT_OF.filter(([dimension]) => countPer.includes(dimension))
    .map(([, fact]) => facts[fact] ?? '')
    .join('/');
}
