import { type Account, type RequestKind, tokenPriceOf } from '@ai-gateway/contracts';
import {
  chargedPriceOf,
  countsRequests,
  dearest,
  type HeldPrice,
  heldPriceOf,
  type Limit,
  layeredLimitsFor,
  limitsFor,
  type PlannedLimits,
  priceOf,
  type RequestFacts,
  type TokenPolicy,
  tokenPoliciesFor,
} from '@ai-gateway/limits';
import { type Caller, factsOf } from '../domain/access.ts';
import { accountOf, balanceHeaders, chargeTermsOf, requireBalance } from '../domain/charging.ts';
import type { CompiledConfig } from '../domain/compile-snapshot.ts';
import { GatewayError } from '../domain/gateway-error.ts';
import type { ModelChoice } from '../domain/resolve-model.ts';
import type { Target } from '../domain/target.ts';
import type { Received, Stage } from '../exchange.ts';
import type { Chat } from '../protocols/openai-chat.ts';
import type { Chained } from './find-fallbacks.ts';
import type { Matched } from './match-namespace.ts';

/** The limits to take together, and the token policies that apply to the request. */
export interface Planned {
  readonly facts: RequestFacts;
  readonly limits: readonly Limit[];
  /** Limits that a target adds: those of its upstream, and of its provider and model where it is a fallback. */
  readonly limitsOfTarget: (target: Target) => readonly Limit[];
  readonly tokenPolicies: readonly TokenPolicy[];
  /** The dearest that the request may come to be answered for; known when something counts money. */
  readonly price: HeldPrice | undefined;
  /** What a target charges. */
  readonly priceOfTarget: (choice: ModelChoice) => HeldPrice | undefined;
  /** Tells the client of a low balance. */
  readonly balanceHeaders: Readonly<Record<string, string>>;
}

type Plannable = Received & Matched & { readonly caller: Caller };

/** Plans for the whole chain: what a fallback might cost or be limited by is reserved before the first attempt. */
export const planLimits: Stage<
  Plannable & Chained & { readonly chat: Chat; readonly choice: ModelChoice },
  Planned & Chained
> = (exchange) => {
  const { namespace, chat, choice, config, caller } = exchange;
  const kind = chat.isStream ? 'stream' : 'plain';
  const { account, ...plan } = planOf(exchange, kind, choice);
  const { facts, limits } = plan;
  const factsOfChain = exchange.chain.map((each) => factsOf(config, namespace.namespace.id, caller, each));
  const planned = namespace.planned[kind];
  const budgets = [
    ...limits,
    ...planned.perUpstream.map(({ limit }) => limit),
    ...factsOfChain.slice(1).flatMap((each) => limitsOf(config, planned, each, kind)),
  ].filter((limit) => limit.kind === 'window' && limit.counts === 'cost');
  const affordable = budgets.length === 0 ? exchange.chain : pricedChain(config, exchange.chain, budgets);
  const chain = account === undefined ? affordable : chargeableChain(config, affordable, facts);
  const priceOfTarget = (each: ModelChoice) => (budgets.length === 0 ? undefined : heldPriceFor(config, each));
  const applying = new Set(factsOfChain.flatMap((each) => tokenPoliciesFor(namespace, kind, each)));
  return {
    ...plan,
    chain,
    tokenPolicies: namespace.tokenPolicies.filter((policy) => applying.has(policy)),
    price: dearest(chain.map(priceOfTarget)),
    priceOfTarget,
  };
};

/** Every limit that the request may come to take, whatever target it gets. */
export function possibleLimits({
  limits,
  limitsOfTarget,
  targets = [],
}: Planned & { readonly targets?: readonly Target[] }): readonly Limit[] {
  const ofTargets = targets.flatMap(limitsOfTarget);
  return ofTargets.length === 0 ? limits : [...limits, ...ofTargets];
}

type Plan = Pick<Planned, 'facts' | 'limits' | 'limitsOfTarget' | 'balanceHeaders'>;

/**
 * Facts and limits of a request, and the account that is charged.
 * @throws GatewayError `insufficient_balance`
 */
export function planOf(
  { namespace, caller, config, notes }: Plannable,
  kind: RequestKind,
  choice: ModelChoice | undefined,
): Plan & { readonly account: Account | undefined } {
  const facts = factsOf(config, namespace.namespace.id, caller, choice);
  notes.facts = facts;
  notes.kind = kind;
  notes.charge = chargeTermsOf(config, facts);
  const account = accountOf(config.accounts, facts);
  requireBalance(account);
  const planned = namespace.planned[kind];
  const limits = limitsOf(config, planned, facts, kind);
  return {
    facts,
    limits,
    account,
    balanceHeaders: balanceHeaders(account),
    limitsOfTarget(target) {
      const isFallback = choice !== undefined && target.choice !== choice;
      if (planned.perUpstream.length === 0 && !isFallback) return [];
      const known = isFallback ? factsOf(config, namespace.namespace.id, caller, target.choice) : facts;
      const own = limitsFor(planned.perUpstream, { ...known, upstreamId: target.upstream.id });
      if (!isFallback) return own;
      const taken = new Set(limits.map(({ key }) => key));
      return [...limitsOf(config, planned, known, kind).filter(({ key }) => !taken.has(key)), ...own];
    },
  };
}

function limitsOf(
  config: CompiledConfig,
  { general }: PlannedLimits,
  facts: RequestFacts,
  kind: RequestKind,
): readonly Limit[] {
  const layered = layeredLimitsFor(config.layeredLimits, facts, config.hasWaiting);
  return [...limitsFor(general, facts), ...(kind === 'passthrough' ? layered.filter(countsRequests) : layered)];
}

function heldPriceFor(config: CompiledConfig, { provider, resolvedModel }: ModelChoice): HeldPrice | undefined {
  const price = priceOf(config.prices, provider.provider.id, resolvedModel);
  return price && heldPriceOf(tokenPriceOf(price));
}

/**
 * The chain without fallbacks whose cost is unknown.
 * @throws GatewayError `price_not_set` when an enforced budget would count a model whose cost is unknown
 */
function pricedChain(
  config: CompiledConfig,
  chain: readonly ModelChoice[],
  budgets: readonly Limit[],
): readonly ModelChoice[] {
  const enforced = budgets.find(({ isObserved }) => !isObserved);
  if (enforced === undefined) return chain;
  const priced = chain.filter((choice) => heldPriceFor(config, choice) !== undefined);
  if (priced[0] === chain[0]) return priced;
  throw new GatewayError('price_not_set', {
    message: `The model "${chain[0]?.resolvedModel}" has no price, so the budget "${enforced.policyName}" cannot be checked.`,
    param: 'model',
    policyIds: [enforced.policyId],
  });
}

/**
 * The chain without fallbacks that nobody could be charged for.
 * @throws GatewayError `price_not_set` when the payer cannot be charged for the model that is asked for
 */
function chargeableChain(
  config: CompiledConfig,
  chain: readonly ModelChoice[],
  { customerTypeId }: RequestFacts,
): readonly ModelChoice[] {
  const chargeable = chain.filter(
    ({ provider: { provider }, resolvedModel }) =>
      chargedPriceOf(config, { customerTypeId, providerId: provider.id, model: resolvedModel }) !== undefined,
  );
  if (chargeable[0] === chain[0]) return chargeable;
  throw new GatewayError('price_not_set', {
    message: `The model "${chain[0]?.resolvedModel}" has no price, so its use cannot be charged.`,
    param: 'model',
  });
}
