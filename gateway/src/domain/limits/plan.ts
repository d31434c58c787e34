import type { Policy, QpsLimit, TokenLimit } from '@ai-gateway/contracts';
import type { RateLimit } from './rate.ts';
import { bucketsOf, type WindowLimit } from './token-window.ts';

/** Which tokens of a request a window counts. */
export type Counts = 'total' | 'input' | 'output';

interface LimitBase {
  readonly policyId: string;
  readonly policyName: string;
  /** Key of the counter: whoever names the same key shares it. Changes with the units of the state, not with the bound. */
  readonly key: string;
  /** Counted and reported, never refused. */
  readonly isObserved: boolean;
}

/** One countable bound that a request must take. */
export type Limit =
  | (LimitBase & { readonly kind: 'requestRate' } & RateLimit)
  | (LimitBase & { readonly kind: 'requestWindow' } & WindowLimit)
  | (LimitBase & { readonly kind: 'concurrency'; readonly maxConcurrent: number })
  | (LimitBase & {
      readonly kind: 'tokenWindow';
      readonly counts: Counts;
      readonly appliesTo: TokenLimit['appliesTo'];
    } & WindowLimit);

/** The limits of a namespace's policies, in order of priority. */
export function limitsOf(policies: readonly Policy[]): readonly Limit[] {
  return policies.flatMap(limitsOfPolicy);
}

function limitsOfPolicy(policy: Policy): Limit[] {
  const base = { policyId: policy.id, policyName: policy.name, isObserved: policy.mode === 'observe' };
  const { rule } = policy;
  switch (rule.kind) {
    case 'qps-limit':
      return [rateOf(base, rule)];
    case 'concurrency-limit':
      return [{ ...base, kind: 'concurrency', key: `c:${policy.id}`, maxConcurrent: rule.maxConcurrent }];
    case 'token-limit':
      return rule.windows.map((window) => {
        const windowMs = window.windowSeconds * 1000;
        const buckets = bucketsOf(windowMs);
        const key = `t:${policy.id}:${window.counts}:${windowMs}:${buckets}`;
        const { counts, maxTokens: max } = window;
        return { ...base, kind: 'tokenWindow', key, windowMs, buckets, max, counts, appliesTo: rule.appliesTo };
      });
    case 'message-matching':
      return [];
    default:
      return rule satisfies never;
  }
}

function rateOf(base: Omit<LimitBase, 'key'>, rule: QpsLimit): Limit {
  if (rule.algorithm === 'strict') {
    const windowMs = rule.windowSeconds * 1000;
    const buckets = bucketsOf(windowMs);
    const max = Math.max(1, Math.floor(rule.maxQps * rule.windowSeconds));
    return { ...base, kind: 'requestWindow', key: `w:${base.policyId}:${windowMs}:${buckets}`, windowMs, buckets, max };
  }
  const burst = rule.burst ?? Math.max(1, Math.ceil(rule.maxQps * rule.windowSeconds));
  return {
    ...base,
    kind: 'requestRate',
    key: `q:${base.policyId}`,
    emissionUs: Math.ceil(1_000_000 / rule.maxQps),
    burst,
  };
}
