import type { RequestLogRecord } from '@ai-gateway/contracts';
import {
  emptyLimitState,
  extend,
  type LimitDecision,
  type LimitState,
  leaveQueue,
  queuedKeys,
  reserve,
  settle,
  shrunkGuess,
  sweep,
} from '@ai-gateway/limits';
import type { ReplayedRequest } from './replayed-request.ts';
import { type SimulatedTime, simulatedTime } from './simulated-time.ts';
import type { Tally } from './tally.ts';

/** Leases outlast every request: what is replayed ends when its record says so. */
const LEASE_MS = 365 * 24 * 3_600_000;

/** As gateways do: those in line ask again at least this often, and so many at once when something ends. */
const LONGEST_POLL_MS = 1_000;
const SHORTEST_POLL_MS = 5;
const WOKEN_AT_ONCE = 2;

/** Decisions between two sweeps of counters that say nothing any more. */
const SWEEP_EVERY = 10_000;

/** What a request that was refused would have used and how long it would have run. */
export interface Usage {
  readonly outputTokens: number;
  readonly durationMs: number;
}

export interface ReplayOptions {
  readonly tally: Tally;
  /** Whether a request is reported, not only counted by the limits. */
  readonly isReported: (record: RequestLogRecord) => boolean;
  readonly usageOf: (request: ReplayedRequest) => Usage;
}

/** Requests in order of arrival, decided by the code that decides in the gateways, in time that is only counted. */
export interface Replay {
  arrive(request: ReplayedRequest): void;
  /** Lets everything that still runs or waits end. */
  finish(): void;
}

interface Waiter {
  readonly request: ReplayedRequest;
  readonly reservationId: string;
  readonly deadlineMs: number;
  isOver: boolean;
}

type Refused = Extract<LimitDecision, { kind: 'refused' }>;

export function replay({ tally, isReported, usageOf }: ReplayOptions): Replay {
  const state = emptyLimitState();
  const time: SimulatedTime = simulatedTime();
  const waiting = new Set<Waiter>();
  let decisions = 0;

  function attempt(one: Waiter): void {
    if (one.isOver) return;
    if (++decisions % SWEEP_EVERY === 0) sweep(state, time.nowMs() * 1000);
    const { request } = one;
    const { decision, outputTokens } = decide(state, one, time.nowMs());
    if (decision.kind === 'admitted') {
      end(one);
      admit(request, decision, outputTokens);
      return;
    }
    const leftMs = one.deadlineMs - time.nowMs();
    if (!decision.isWaiting || leftMs <= 0) {
      end(one);
      leaveQueue(state.queue, one.reservationId, queuedKeys(request.limits), { isServed: false });
      refuse(request, decision);
      return;
    }
    waiting.add(one);
    time.at(time.nowMs() + Math.min(leftMs, pollMsOf(decision)), () => attempt(one));
  }

  function end(one: Waiter): void {
    one.isOver = true;
    waiting.delete(one);
  }

  function refuse({ record }: ReplayedRequest, decision: Refused): void {
    if (!isReported(record)) return;
    for (const id of idsOf(decision.failures)) tally.policy(id, 'refused', record, Date.parse(record.at));
    for (const id of idsOf(decision.observed)) tally.policy(id, 'observed', record, Date.parse(record.at));
    tally.add({ record, isRefused: true, waitedMs: time.nowMs() - Date.parse(record.at), tokensLost: 0 });
  }

  function admit(
    request: ReplayedRequest,
    { held, observed }: Extract<LimitDecision, { kind: 'admitted' }>,
    granted: number,
  ): void {
    const { record, arrivedAtMs } = request;
    const waitedMs = time.nowMs() - arrivedAtMs;
    const usage = usageOf(request);
    time.at(time.nowMs() + usage.durationMs, () => {
      const used = usedOutput(request, usage.outputTokens, {
        granted,
        mayGrow: (tokens) => extend(state, held, tokens, { isForced: false, nowMs: time.nowMs() }) !== 'denied',
      });
      settle(state, held, { inputTokens: request.demand.inputTokens, outputTokens: used.outputTokens });
      for (const one of [...waiting].slice(0, WOKEN_AT_ONCE)) attempt(one);
      if (!isReported(record)) return;
      for (const id of idsOf(observed)) tally.policy(id, 'observed', record, arrivedAtMs);
      for (const id of used.cutBy) tally.policy(id, 'cut', record, arrivedAtMs);
      tally.add({ record, isRefused: false, waitedMs, tokensLost: usage.outputTokens - used.outputTokens });
    });
  }

  return {
    arrive(request) {
      time.advanceTo(request.arrivedAtMs);
      const { inputRefusedBy, record } = request;
      if (inputRefusedBy === undefined) {
        const deadlineMs = time.nowMs() + request.namespace.maxWaitMs;
        attempt({ request, reservationId: record.recordId, deadlineMs, isOver: false });
        return;
      }
      if (!isReported(record)) return;
      tally.policy(inputRefusedBy.policy.id, 'refused', record, request.arrivedAtMs);
      tally.add({ record, isRefused: true, waitedMs: 0, tokensLost: 0 });
    },
    finish: () => time.advanceTo(Number.MAX_SAFE_INTEGER),
  };
}

/** As the stage that reserves: a guess shrinks to the room there is before anybody waits. */
function decide(
  state: LimitState,
  { request, reservationId }: Waiter,
  nowMs: number,
): { decision: LimitDecision; outputTokens: number } {
  const { demand, isGuess, limits, namespace } = request;
  const ask = (outputTokens: number, maxWaitMs: number) =>
    reserve(state, limits, askedFor(request, { reservationId, outputTokens, maxWaitMs }), nowMs * 1000);
  const { outputTokens } = demand;
  const decision = ask(outputTokens, isGuess ? 0 : namespace.maxWaitMs);
  if (decision.kind === 'admitted' || !isGuess) return { decision, outputTokens };
  const smaller = shrunkGuess(demand, decision) ?? outputTokens;
  return { decision: ask(smaller, namespace.maxWaitMs), outputTokens: smaller };
}

/** What windows have granted of a guess, and whether they would grant more. */
interface Grant {
  readonly granted: number;
  readonly mayGrow: (outputTokens: number) => boolean;
}

/** How much of the output comes through the cap, and past what was granted only as the windows have room. */
function usedOutput(
  { outputCap, isGuess }: ReplayedRequest,
  wanted: number,
  { granted, mayGrow }: Grant,
): { outputTokens: number; cutBy: readonly string[] } {
  const isCapped = outputCap !== undefined && wanted > outputCap.tokens;
  const outputTokens = isCapped ? outputCap.tokens : wanted;
  if (isGuess && outputTokens > granted && !mayGrow(outputTokens)) return { outputTokens: granted, cutBy: [] };
  const isByPolicy = isCapped && outputCap.setBy.kind === 'policy';
  return { outputTokens, cutBy: isByPolicy ? [outputCap.setBy.policyId] : [] };
}

function askedFor(
  { record, demand, price, namespace }: ReplayedRequest,
  {
    reservationId,
    outputTokens,
    maxWaitMs,
  }: { readonly reservationId: string; readonly outputTokens: number; readonly maxWaitMs: number },
) {
  return {
    reservationId,
    about: { requestId: record.requestId, gatewayId: record.gatewayId, namespaceId: namespace.id },
    inputTokens: demand.inputTokens,
    outputTokens,
    price,
    leaseMs: LEASE_MS,
    queue: maxWaitMs > 0 ? { maxWaiting: namespace.maxWaiting, weight: namespace.weight } : undefined,
  };
}

function idsOf(failures: Refused['failures']): readonly string[] {
  return [...new Set(failures.map(({ limit }) => limit.policyId))];
}

function pollMsOf({ failures }: Refused): number {
  const longest = Math.max(...failures.map(({ retryAfterMs }) => retryAfterMs ?? 0));
  return Math.min(LONGEST_POLL_MS, Math.max(SHORTEST_POLL_MS, longest));
}
