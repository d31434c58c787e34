import { NO_TOKENS } from '@ai-gateway/limits';
import { hasOtherKey } from '../domain/choose-key.ts';
import { GatewayError } from '../domain/gateway-error.ts';
import type { ModelChoice } from '../domain/resolve-model.ts';
import {
  type AttemptFailure,
  errorOf,
  isKeyRefused,
  mayTryNext,
  type Turn,
  turnsOf,
  waitBeforeRepeat,
} from '../domain/retry.ts';
import type { Target } from '../domain/target.ts';
import type { Stage } from '../exchange.ts';
import type { Services, UpstreamResponse } from '../services.ts';
import { type Answered, attemptAt, type Forwardable } from './attempt.ts';
import { fasterOf } from './hedge.ts';
import type { UpstreamCall } from './prepare-call.ts';
import { recorded, replayOf } from './read-cache.ts';
import { aboutOf, isAnsweredBy, settledAmounts } from './reserve.ts';

/** The first answer that an upstream gave. */
export interface Forwarded {
  readonly response: UpstreamResponse;
  /** Who answers: the provider that serves the model, or a fallback. */
  readonly choice: ModelChoice;
  /** The request as they were asked it, or would have been. */
  readonly call: UpstreamCall;
  /** All reservations of the request: that of `reserve`, and one for each target with limits of its own after the first. */
  readonly reservationIds: readonly string[];
}

/** Attempts that are made together: one, or two when a slow answer is hedged. */
interface Course {
  readonly turns: readonly Turn[];
  /** Targets whose limits are taken, with the reservations that hold them. */
  readonly taken: Map<Target, string>;
}

/** Sends the request to the targets in order until one accepts it; nothing has reached the client yet. */
export const forward: Stage<Forwardable, Forwarded> = async (exchange, services) => {
  const { cached, choice, callFor, notes, reservationId } = exchange;
  if (cached !== undefined) {
    const call = callFor(choice);
    notes.dropped = call.dropped;
    return { response: replayOf(cached), choice, call, reservationIds: [reservationId] };
  }
  notes.overheadMs = services.nowMs() - exchange.arrivedAtMs;
  return firstAnswer(exchange, services);
};

async function firstAnswer(exchange: Forwardable, services: Services): Promise<Forwarded> {
  const { targets, reservationId } = exchange;
  const [first] = targets;
  const course: Course = { turns: turnsOf(targets), taken: new Map() };
  if (first !== undefined) course.taken.set(first, reservationId);

  let last: AttemptFailure | undefined;
  for (const [index, turn] of course.turns.entries()) {
    if (last !== undefined && !(await isWorthTrying(turn, last, exchange, services))) continue;
    if (!(await takesLimitsOf(turn.target, exchange, course, services))) continue;
    const result = await answerOf({ turn, next: course.turns[index + 1] }, exchange, course, services);
    if (result === 'full') continue;
    if ('response' in result) {
      const call = exchange.callFor(result.choice);
      return { ...kept(result, exchange, services), call, reservationIds: [...course.taken.values()] };
    }
    last = result;
    if (exchange.signal.aborted || !mayTryNext(result)) break;
  }
  throw last === undefined ? busyError() : errorOf(last);
}

/** Keeps the answer once it is whole, where the namespace keeps answers. That of a fallback is not what was asked for. */
function kept(answered: Answered, { keepAs, choice, defer }: Forwardable, { cache, nowMs }: Services): Answered {
  const { response } = answered;
  const contentType = response.headers['content-type'];
  if (keepAs === undefined || answered.choice !== choice || typeof contentType !== 'string') return answered;
  const { key, rule } = keepAs;
  const { body, whole } = recorded(response.body, rule.maxBytes);
  defer(({ kind }) => {
    const bytes = kind === 'completed' ? whole() : undefined;
    if (bytes !== undefined) cache.keep(key, { contentType, body: bytes, storedAtMs: nowMs() }, rule.ttlSeconds * 1000);
  });
  return { choice, response: { ...response, body } };
}

function busyError(): GatewayError {
  const message = 'Every upstream answers as many requests as it may.';
  return new GatewayError('upstream_rate_limited', { message, retryAfterMs: 1000 });
}

/** Within the budget, and after the wait that an upstream is owed that has failed. */
async function isWorthTrying(
  { target, isRepeat, isRetry }: Turn,
  last: AttemptFailure,
  { notes, signal, arrivedAtMs }: Forwardable,
  { health, random, nowMs, sleep }: Services,
): Promise<boolean> {
  const { provider } = target.choice;
  if (!isRetry) return true;
  const isOtherKey =
    isKeyRefused(last) &&
    hasOtherKey(provider.keys, { upstreamId: target.upstream.id, passedOver: health.coolingKeys() });
  const repeats = notes.attempts - 1;
  const waitMs = isRepeat && !isOtherKey ? waitBeforeRepeat(last, repeats, provider.routing.retry, random()) : 0;
  if (waitMs === undefined) return false;
  if (nowMs() + waitMs - arrivedAtMs > target.upstream.totalTimeoutMs) return false;
  if (!health.mayRetry(provider)) return false;
  if (waitMs > 0) await sleep(waitMs, signal);
  return !signal.aborted;
}

/** The first target's own limits were taken with all others; those of the next are taken when it is its turn. */
async function takesLimitsOf(
  target: Target,
  exchange: Forwardable,
  { taken }: Course,
  services: Services,
): Promise<boolean> {
  if (taken.has(target)) return true;
  const limits = exchange.limitsOfTarget(target);
  if (limits.length === 0) return true;
  const reservationId = `${exchange.reservationId}.${taken.size}`;
  const { demand, price, signal, notes, grantedTokens, priceOfTarget } = exchange;
  const { inputTokens } = demand;
  // A guess has been granted as far as the windows had room.
  const outputTokens = Math.min(demand.outputTokens, grantedTokens);
  const request = { reservationId, about: aboutOf(exchange, services), inputTokens, outputTokens, price };
  const decision = await services.limits.take(limits, request, { maxWaitMs: 0, signal }).catch(() => undefined);
  if (decision?.kind !== 'admitted') return false;
  taken.set(target, reservationId);
  exchange.defer(({ usage }) =>
    services.limits.settle(
      reservationId,
      isAnsweredBy(notes, target) ? settledAmounts(usage, notes, priceOfTarget) : NO_TOKENS,
    ),
  );
  return true;
}

/** The answer of one target, or of the next one where that is faster and the provider hedges. */
async function answerOf(
  { turn, next }: { readonly turn: Turn; readonly next: Turn | undefined },
  exchange: Forwardable,
  course: Course,
  services: Services,
): Promise<Answered | AttemptFailure | 'full'> {
  const { provider } = turn.target.choice;
  const hedgeAfterMs = turn.isRetry ? undefined : services.health.hedgeAfterMs(provider);
  const mayHedge = hedgeAfterMs !== undefined && next?.isRepeat === false && next.target.choice === turn.target.choice;
  if (!mayHedge) return attemptAt(turn.target, exchange, services, exchange.signal);

  return fasterOf({
    start: [
      (signal) => attemptAt(turn.target, exchange, services, signal),
      (signal) => attemptAt(next.target, exchange, services, signal),
    ],
    async mayStartSecond(signal) {
      await services.sleep(hedgeAfterMs, signal);
      if (signal.aborted) return false;
      return services.health.mayRetry(provider) && (await takesLimitsOf(next.target, exchange, course, services));
    },
    signal: exchange.signal,
  });
}
