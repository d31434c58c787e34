import { compileCondition, type Explanation, type LayeredLimit, type RequestView } from '@ai-gateway/contracts';
import { concerns, layersFor, type RequestFacts, type TokenPolicy } from '@ai-gateway/limits';
import type { Caller } from '../domain/access.ts';
import { accountOf } from '../domain/charging.ts';
import type { CompiledConfig, CompiledNamespace } from '../domain/compile-snapshot.ts';
import { takesTraffic } from '../domain/rank-targets.ts';
import { selectMatcher } from '../domain/select-namespace.ts';
import type { Target } from '../domain/target.ts';
import type { LimitsPreview, TargetHealth } from '../services.ts';

/** Matchers that are listed, beside the one that matched. */
const LISTED_MATCHERS = 100;

/** The matchers up to the one that decides, in the order in which they are tried. */
export function explainMatchers(
  config: CompiledConfig,
  view: RequestView,
): Pick<Explanation, 'matchers' | 'matchersTried'> {
  const winner = selectMatcher(config, view);
  const tried = config.matchers.slice(0, winner === undefined ? undefined : winner.rank + 1);
  const matched = winner === undefined ? undefined : tried[winner.rank];
  const listed = tried.slice(0, LISTED_MATCHERS);
  if (matched !== undefined && !listed.includes(matched)) listed.push(matched);
  return {
    matchersTried: tried.length,
    matchers: listed.map(({ id, namespaceId, priority, ...condition }) => ({
      matcherId: id,
      namespaceId,
      priority,
      condition: {
        source: condition.source,
        field: condition.field,
        operator: condition.operator,
        value: condition.value,
      },
      isMatched: compileCondition(condition)(view),
    })),
  };
}

/** Every message policy of the namespace, whether or not an earlier one has refused. */
export function explainMessagePolicies(
  { messageRules }: CompiledNamespace,
  facts: RequestFacts,
  view: RequestView,
): Explanation['messagePolicies'] {
  return messageRules.map(({ policy, action, matches }) => {
    const isPassed = matches(view) === (action === 'allow');
    return {
      policyId: policy.id,
      policyName: policy.name,
      action,
      isObserved: policy.mode === 'observe',
      result: resultOf(concerns(policy.scope, facts), isPassed),
    };
  });
}

function resultOf(isConcerned: boolean, isPassed: boolean): 'passes' | 'refuses' | 'not_concerned' {
  if (!isConcerned) return 'not_concerned';
  return isPassed ? 'passes' : 'refuses';
}

/** Who calls, as the rules know the key. */
export function explainCaller(config: CompiledConfig, caller: Caller): Explanation['caller'] {
  if (caller.kind === 'anonymous') return { kind: 'anonymous' };
  const key = [...config.virtualKeys.values()].find(({ id }) => id === caller.keyId);
  const { userId, tenantId, customerTypeId } = config.payers.get(caller.keyId) ?? {};
  const account = accountOf(config.accounts, { userId, tenantId });
  return {
    kind: 'key',
    virtualKeyId: caller.keyId,
    ...(key !== undefined && { name: key.name }),
    ...(tenantId !== undefined && { tenantId }),
    ...(customerTypeId !== undefined && { customerTypeId }),
    ...(account !== undefined && { account: { id: account.id, status: account.status, standing: account.standing } }),
  };
}

/** Caps of token policies that apply to the request. */
export function explainCaps(policies: readonly TokenPolicy[], inputTokens: number | undefined): Explanation['caps'] {
  return policies
    .filter(({ rule }) => rule.maxInputTokens !== undefined || rule.maxOutputTokens !== undefined)
    .map(({ policy, rule: { maxInputTokens, maxOutputTokens } }) => ({
      policyId: policy.id,
      policyName: policy.name,
      isObserved: policy.mode === 'observe',
      ...(maxInputTokens !== undefined && { maxInputTokens }),
      ...(maxOutputTokens !== undefined && { maxOutputTokens }),
      isInputExceeded: maxInputTokens !== undefined && (inputTokens ?? 0) > maxInputTokens,
    }));
}

/** Targets with their health; `chosen` is the one whose limits had room. */
export function explainTargets(
  targets: readonly Target[],
  chosen: Target | undefined,
  { health, nowMs }: { readonly health: TargetHealth; readonly nowMs: number },
): Explanation['targets'] {
  return targets.map((target) => {
    const { id, baseUrl, weight } = target.upstream;
    const { provider, resolvedModel } = target.choice;
    return {
      provider: provider.provider.name,
      model: resolvedModel,
      upstreamId: id,
      baseUrl,
      weight,
      isHealthy: takesTraffic(health.of(id), nowMs),
      isChosen: target === chosen,
    };
  });
}

/** Every counter that was asked, as it was asked last. */
export function explainLimits(
  config: CompiledConfig,
  facts: RequestFacts,
  previews: readonly LimitsPreview[],
): Explanation['limits'] {
  const last = new Map(previews.flatMap(({ limits }) => limits.map((one) => [one.limit.key, one] as const)));
  const rows = [...config.layeredLimits.values()];
  return [...last.values()].map(({ limit, bound, before, after, isPassed, retryAfterMs }) => {
    const row = rows.find(({ id }) => id === limit.policyId);
    const layers = row === undefined ? [] : layersFor(config.layeredLimits, row.limit.control, facts);
    const { policyId, policyName, key, countedFor, kind, isObserved } = limit;
    return {
      policyId,
      policyName,
      key,
      ...(countedFor !== undefined && { countedFor }),
      kind,
      counts: countsOf(limit),
      isObserved,
      ...(row !== undefined && { layer: layerOf(row) }),
      overridden: layers.filter(({ id }) => id !== policyId).map(layerOf),
      bound,
      before,
      after,
      isPassed,
      ...(retryAfterMs !== undefined && { passesInMs: retryAfterMs }),
    };
  });
}

function countsOf(limit: LimitsPreview['limits'][number]['limit']): Explanation['limits'][number]['counts'] {
  if (limit.kind === 'window') return limit.counts;
  return limit.kind === 'concurrency' ? 'slots' : 'requests';
}

function layerOf({ id, targetType, targetId, providerId, model, limit }: LayeredLimit) {
  return {
    id,
    targetType,
    ...(targetId !== undefined && { targetId }),
    ...(providerId !== undefined && { providerId }),
    ...(model !== undefined && { model }),
    ...windowOf(limit),
  };
}

/** Controls of balances have no window; no counter comes from them. */
function windowOf(limit: LayeredLimit['limit']): { bound: number; windowSeconds: number } {
  if (limit.control === 'tpm') return { bound: limit.maxTokens, windowSeconds: limit.windowSeconds };
  if (limit.control === 'rpm') return { bound: limit.maxRequests, windowSeconds: limit.windowSeconds };
  return { bound: 0, windowSeconds: 0 };
}
