import { type Namespace, type RequestLogRecord, tokenPriceOf } from '@ai-gateway/contracts';
import {
  type CappedDemand,
  countsRequests,
  demandOf,
  type HeldPrice,
  heldPriceOf,
  type LayeredLimits,
  type Limit,
  layeredLimitsFor,
  limitsFor,
  type NamespacePlan,
  type PriceIndex,
  priceOf,
  type RequestFacts,
  type TokenPolicy,
  tokenPoliciesFor,
} from '@ai-gateway/limits';

/** The rules that requests are replayed under. */
export interface ReplayRules {
  readonly namespaces: ReadonlyMap<string, { readonly namespace: Namespace; readonly plan: NamespacePlan }>;
  readonly layeredLimits: LayeredLimits;
  readonly hasWaiting: boolean;
  readonly prices: PriceIndex;
}

/** A recorded request as the limits see it. */
export interface ReplayedRequest extends CappedDemand {
  readonly record: RequestLogRecord;
  readonly arrivedAtMs: number;
  readonly namespace: Namespace;
  readonly limits: readonly Limit[];
  readonly price: HeldPrice | undefined;
  /** The first enforced policy whose cap the input exceeds. */
  readonly inputRefusedBy: TokenPolicy | undefined;
}

/** Plans a recorded request anew; undefined when it never came to its limits, or its namespace is gone. */
export function replayedRequest(record: RequestLogRecord, rules: ReplayRules): ReplayedRequest | undefined {
  const { kind, namespaceId = '' } = record;
  const found = rules.namespaces.get(namespaceId);
  if (kind === undefined || found === undefined || (record.demand === undefined && kind !== 'passthrough')) {
    return undefined;
  }
  const { namespace, plan } = found;
  const facts = factsIn(record, namespaceId);
  const limits = limitsOf(record, { plan, facts, kind }, rules);
  const tokenPolicies = kind === 'passthrough' ? [] : tokenPoliciesFor(plan, kind, facts);
  // A rule that counts no tokens leaves the input uncounted; the provider's number is as good.
  const inputTokens = record.demand?.inputTokens || record.inputTokens;
  const listed = priceOf(rules.prices, facts.providerId ?? '', facts.model ?? '');
  const price = listed && heldPriceOf(tokenPriceOf(listed));
  return {
    record,
    arrivedAtMs: Date.parse(record.at),
    namespace,
    limits,
    price,
    inputRefusedBy: tokenPolicies.find(
      ({ policy, rule }) =>
        policy.mode === 'enforce' && rule.maxInputTokens !== undefined && inputTokens > rule.maxInputTokens,
    ),
    // Records do not say what the model gives at most, only that it capped.
    ...demandIn(record, { inputTokens, tokenPolicies, modelMax: undefined, limits, price }),
  };
}

function factsIn(record: RequestLogRecord, namespaceId: string): RequestFacts {
  const { virtualKeyId, tenantId, customerTypeId, providerId, resolvedModel, listedModel, upstreamId } = record;
  const model = resolvedModel === '' ? undefined : resolvedModel;
  return { namespaceId, virtualKeyId, tenantId, customerTypeId, providerId, model, listedModel, upstreamId };
}

interface Planning {
  readonly plan: NamespacePlan;
  readonly facts: RequestFacts;
  readonly kind: NonNullable<RequestLogRecord['kind']>;
}

function limitsOf(
  { upstreamId }: RequestLogRecord,
  { plan, facts, kind }: Planning,
  { layeredLimits, hasWaiting }: ReplayRules,
): readonly Limit[] {
  const { general, perUpstream } = plan.planned[kind];
  const layered = layeredLimitsFor(layeredLimits, facts, hasWaiting);
  return [
    ...limitsFor(general, facts),
    ...(kind === 'passthrough' ? layered.filter(countsRequests) : layered),
    ...(upstreamId === undefined ? [] : limitsFor(perUpstream, facts)),
  ];
}

function demandIn(
  { kind, demand, clientMaxTokens, choices }: RequestLogRecord,
  rest: Omit<Parameters<typeof demandOf>[0], 'clientMax' | 'choices'>,
): CappedDemand {
  // A request that was answered from the cache asked for no tokens; every other asks for some output, if it has any.
  const isCached = choices > 0 && demand !== undefined && demand.inputTokens === 0 && demand.outputTokens === 0;
  if (kind === 'passthrough' || isCached) {
    return { outputCap: undefined, isGuess: false, demand: { inputTokens: 0, outputTokens: 0 } };
  }
  return demandOf({ clientMax: clientMaxTokens, choices, ...rest });
}
