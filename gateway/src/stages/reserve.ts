import { type HeldAbout, type Limit, type LimitDecision, shrunkGuess, type TokenAmounts } from '@ai-gateway/limits';
import { GatewayError } from '../domain/gateway-error.ts';
import type { TokenUsage } from '../domain/outcome.ts';
import { rateHeaders } from '../domain/rate-headers.ts';
import { refusalOf } from '../domain/refusal.ts';
import type { Target } from '../domain/target.ts';
import type { Notes, Received, Stage } from '../exchange.ts';
import { LimiterUnavailable, type Services } from '../services.ts';
import type { Demand } from './cap-output.ts';
import type { Matched } from './match-namespace.ts';
import type { Planned } from './plan-limits.ts';

/** What was taken, and what the client is told of limits. */
export interface Reserved {
  /** What is left of the targets; the first has its own limits taken. */
  readonly targets: readonly Target[];
  /** Output tokens that are reserved; beyond them only what windows grant on the way. Infinity: nothing need grant them. */
  readonly grantedTokens: number;
  readonly rateHeaders: Readonly<Record<string, string>>;
}

type Reservable = Received & Matched & Planned & Demand & { readonly targets?: readonly Target[] };

/**
 * Takes every limit in one step and registers the settlement. A target whose own limits have no room is passed over
 * while there is another.
 */
export const reserve: Stage<Reservable, Reserved> = async (exchange, services) => {
  const targets = exchange.targets ?? [];
  let refused: Refused | undefined;
  for (const [index, target] of (targets.length === 0 ? [undefined] : targets).entries()) {
    const left = targets.slice(index);
    const own = target === undefined ? [] : exchange.limitsOfTarget(target);
    const isLast = own.length === 0 || left.length === 1;
    const result = await reserveFor(exchange, { own, target, isLast }, services);
    if (result.kind === 'reserved') return { targets: left, ...result };
    refused ??= result;
    const isOwn = (key: string) => own.some((limit) => limit.key === key);
    if (isLast || result.failures.some(({ limit }) => !isOwn(limit.key))) break;
  }
  throw refused === undefined ? new GatewayError('no_healthy_upstream') : refusalOf(refused);
};

/** One target, the limits that it adds, and whether there is no other. */
interface Candidate {
  readonly own: readonly Limit[];
  readonly target: Target | undefined;
  readonly isLast: boolean;
}

async function reserveFor(
  exchange: Reservable,
  { own, target, isLast }: Candidate,
  services: Services,
): Promise<({ readonly kind: 'reserved' } & Omit<Reserved, 'targets'>) | Refused> {
  const limits = [...exchange.limits, ...own];
  const { balanceHeaders } = exchange;
  if (limits.length === 0) {
    return { kind: 'reserved', grantedTokens: Number.POSITIVE_INFINITY, rateHeaders: balanceHeaders };
  }

  const { decision, outputTokens } = await takeOrShrink(exchange, limits, isLast, services);
  noteRefusals(exchange, decision, services);
  if (decision.kind === 'refused') return decision;
  settleAtEnd(exchange, own, target, services);
  const grantedTokens = exchange.isGuess ? outputTokens : Number.POSITIVE_INFINITY;
  return { kind: 'reserved', grantedTokens, rateHeaders: { ...rateHeaders(decision.readings), ...balanceHeaders } };
}

type Refused = Extract<LimitDecision, { kind: 'refused' }>;

/** Takes what is asked for; of a guess, what there is room for. */
async function takeOrShrink(
  exchange: Reservable,
  limits: readonly Limit[],
  mayWait: boolean,
  services: Services,
): Promise<{ decision: LimitDecision; outputTokens: number }> {
  const { demand, isGuess } = exchange;
  const { outputTokens } = demand;
  const decision = await take(exchange, limits, { outputTokens, mayWait: mayWait && !isGuess }, services);
  if (decision.kind === 'admitted' || !isGuess) return { decision, outputTokens };
  const smaller = shrunkGuess(demand, decision) ?? outputTokens;
  if (smaller === outputTokens && !mayWait) return { decision, outputTokens };
  return {
    decision: await take(exchange, limits, { outputTokens: smaller, mayWait }, services),
    outputTokens: smaller,
  };
}

/** @throws GatewayError `limiter_unavailable` */
async function take(
  exchange: Reservable,
  limits: readonly Limit[],
  { outputTokens, mayWait }: { readonly outputTokens: number; readonly mayWait: boolean },
  services: Services,
): Promise<LimitDecision> {
  const { reservationId, demand, price, namespace, signal, notes } = exchange;
  const { maxWaitMs, maxWaiting, weight } = namespace.namespace;
  const { inputTokens } = demand;
  const queue = { maxWaiting, weight };
  const request = { reservationId, about: aboutOf(exchange, services), inputTokens, outputTokens, price, queue };
  const askedAtMs = services.nowMs();
  try {
    return await services.limits.take(limits, request, { maxWaitMs: mayWait ? maxWaitMs : 0, signal });
  } catch (error) {
    if (!(error instanceof LimiterUnavailable)) throw error;
    throw new GatewayError('limiter_unavailable', { retryAfterMs: 1000, internal: error.message });
  } finally {
    if (mayWait && maxWaitMs > 0) notes.waitedMs += services.nowMs() - askedAtMs;
  }
}

/** Who and what a reservation is for. */
export function aboutOf({ requestId, facts }: Received & Planned, { gatewayId }: Services): HeldAbout {
  const { namespaceId, virtualKeyId, model } = facts;
  return { requestId, gatewayId, namespaceId, virtualKeyId, model };
}

function settleAtEnd(
  { defer, reservationId, notes, priceOfTarget }: Reservable,
  own: readonly Limit[],
  target: Target | undefined,
  { limits }: Services,
): void {
  defer(({ usage }) => {
    // Another target has answered, so this one has done nothing.
    const voided = isAnsweredBy(notes, target) ? [] : own.map(({ key }) => key);
    return limits.settle(reservationId, settledAmounts(usage, notes, priceOfTarget), voided);
  });
}

/** Did the request's last attempt go there? */
export function isAnsweredBy({ target }: Notes, wanted: Target | undefined): boolean {
  return target?.upstream === wanted?.upstream && target?.choice === wanted?.choice;
}

/** What is settled: the tokens at the price of whoever answered. */
export function settledAmounts(
  { inputTokens, outputTokens }: TokenUsage,
  { target }: Notes,
  priceOfTarget: Planned['priceOfTarget'],
): TokenAmounts {
  return { inputTokens, outputTokens, price: target && priceOfTarget(target.choice) };
}

function noteRefusals({ namespace, notes }: Reservable, decision: LimitDecision, { metrics }: Services): void {
  const { code } = namespace.namespace;
  for (const { limit } of decision.observed) metrics.refusal(code, { ...limit, isObserved: true });
  notes.observedPolicyIds = [...new Set(decision.observed.map(({ limit }) => limit.policyId))];
  if (decision.kind === 'admitted') {
    notes.refusedByPolicyIds = [];
    return;
  }
  for (const { limit } of decision.failures) metrics.refusal(code, { ...limit, isObserved: false });
  notes.refusedByPolicyIds = [...new Set(decision.failures.map(({ limit }) => limit.policyId))];
}
