import { tokenPriceOf, type Upstream } from '@ai-gateway/contracts';
import { type Caller, factsOf } from '../domain/access.ts';
import { priceOf, type RequestKind, type TokenPolicy } from '../domain/compile-snapshot.ts';
import { GatewayError } from '../domain/gateway-error.ts';
import { type HeldPrice, heldPriceOf } from '../domain/limits/amounts.ts';
import { layeredLimitsFor } from '../domain/limits/layered.ts';
import { countsRequests, type Limit, limitsFor } from '../domain/limits/plan.ts';
import { concerns, type RequestFacts } from '../domain/request-facts.ts';
import type { ModelChoice } from '../domain/resolve-model.ts';
import type { Received, Stage } from '../exchange.ts';
import type { Chat } from '../protocols/openai-chat.ts';
import type { Matched } from './match-namespace.ts';

/** The limits to take together, and the token policies that apply to the request. */
export interface Planned {
  readonly facts: RequestFacts;
  readonly limits: readonly Limit[];
  /** Limits that an upstream adds once it is the target. */
  readonly limitsOfUpstream: (upstreamId: string) => readonly Limit[];
  readonly tokenPolicies: readonly TokenPolicy[];
  /** Known when something counts money. */
  readonly price: HeldPrice | undefined;
}

type Plannable = Received & Matched & { readonly caller: Caller };

export const planLimits: Stage<Plannable & { readonly chat: Chat; readonly choice: ModelChoice }, Planned> = (
  exchange,
) => {
  const { namespace, chat, choice } = exchange;
  const kind = chat.isStream ? 'stream' : 'plain';
  const { facts, limits, limitsOfUpstream } = planOf(exchange, kind, choice);
  const perUpstream = namespace.planned[kind].perUpstream.map(({ limit }) => limit);
  const appliesTo = chat.isStream ? 'stream' : 'non-stream';
  return {
    facts,
    limits,
    limitsOfUpstream,
    tokenPolicies: namespace.tokenPolicies.filter(
      ({ policy, rule }) => (rule.appliesTo === 'all' || rule.appliesTo === appliesTo) && concerns(policy.scope, facts),
    ),
    price: priceFor(exchange, facts, [...limits, ...perUpstream]),
  };
};

/** Every limit that the request may come to take, whatever target it gets. */
export function possibleLimits({
  limits,
  limitsOfUpstream,
  targets = [],
}: Planned & { readonly targets?: readonly Upstream[] }): readonly Limit[] {
  const ofTargets = targets.flatMap(({ id }) => limitsOfUpstream(id));
  return ofTargets.length === 0 ? limits : [...limits, ...ofTargets];
}

/** Facts and limits of a request. */
export function planOf(
  { namespace, caller, config }: Plannable,
  kind: RequestKind,
  choice: ModelChoice | undefined,
): Pick<Planned, 'facts' | 'limits' | 'limitsOfUpstream'> {
  const facts = factsOf(config, namespace.namespace.id, caller, choice);
  const { general, perUpstream } = namespace.planned[kind];
  const layered = layeredLimitsFor(config.layeredLimits, facts, config.hasWaiting);
  return {
    facts,
    limits: [...limitsFor(general, facts), ...(kind === 'passthrough' ? layered.filter(countsRequests) : layered)],
    limitsOfUpstream: (upstreamId) =>
      perUpstream.length === 0 ? [] : limitsFor(perUpstream, { ...facts, upstreamId }),
  };
}

/** @throws GatewayError `price_not_set` when an enforced budget would count a model whose cost is unknown */
function priceFor({ config }: Plannable, facts: RequestFacts, limits: readonly Limit[]): HeldPrice | undefined {
  const budgets = limits.filter((limit) => limit.kind === 'window' && limit.counts === 'cost');
  if (budgets.length === 0) return undefined;
  const price = priceOf(config, facts.providerId ?? '', facts.model ?? '');
  if (price !== undefined) return heldPriceOf(tokenPriceOf(price));
  const enforced = budgets.find(({ isObserved }) => !isObserved);
  if (enforced === undefined) return undefined;
  throw new GatewayError('price_not_set', {
    message: `The model "${facts.model}" has no price, so the budget "${enforced.policyName}" cannot be checked.`,
    param: 'model',
    policyIds: [enforced.policyId],
  });
}
