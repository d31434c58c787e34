import { setImmediate } from 'node:timers/promises';
import type { PolicyTest, PolicyTestCase, PolicyTestCaseResult, PolicyTestResult } from '@ai-gateway/contracts';
import { asGatewayError } from '../domain/gateway-error.ts';
import type { Standing } from '../domain/rank-targets.ts';
import { HEALTHY } from '../domain/target-health.ts';
import type { DeferredTask, Received } from '../exchange.ts';
import { attemptRoute, type Decided, keyNamed } from '../explain/attempt-route.ts';
import { recordedCounter, SILENT } from '../explain/dry-services.ts';
import { madeUpRequest, routeOf } from '../explain/made-up-request.ts';
import type { Limits, Services } from '../services.ts';
import { reserve } from '../stages/reserve.ts';
import type { TestedRules } from './tested-rules.ts';

/** Where the clock of counters starts, ms: windows of every length begin there, so that a test always goes the same way. */
const START_MS = 660 * 30 * 24 * 3_600_000;

/** Health is not judged: every upstream is as good as new. */
const UNTRIED: Standing = { health: HEALTHY, isProbedUp: true, limitedUntilMs: 0, latency: undefined, inFlight: 0 };

/** Limits of nobody else, on a clock (ms) of their own. */
export type NewLimits = (nowMs: () => number) => Limits;

/** A test under way. */
interface Run {
  readonly rules: TestedRules;
  readonly limits: Limits;
  readonly services: Services;
  /** By the calendar, which virtual keys expire by. */
  readonly startedAtMs: number;
  /** Since the start of the test. */
  elapsedMs: number;
  /** Admitted requests that have not ended. */
  running: readonly Running[];
}

interface Running {
  readonly endsAtMs: number;
  readonly end: () => Promise<void>;
}

type Reservable = Parameters<typeof reserve>[0];

/** What the rules made of a case. */
interface Decision {
  readonly received: Received | undefined;
  readonly error: unknown;
}

/**
 * Takes the requests of a test through the real stages, one after the other, on counters and a clock of the test. What
 * is admitted holds what it takes until its end. No upstream, no token service and no counter in use is asked.
 */
export async function runPolicyTest(
  test: PolicyTest,
  rules: TestedRules,
  { services, newLimits }: { readonly services: Services; readonly newLimits: NewLimits },
): Promise<PolicyTestResult> {
  const limits = newLimits(() => START_MS + run.elapsedMs);
  const run: Run = { rules, limits, services, startedAtMs: services.nowMs(), elapsedMs: 0, running: [] };
  const cases: PolicyTestCaseResult[] = [];
  try {
    for (const one of test.cases) {
      await endUntil(one.atMs, run);
      run.elapsedMs = one.atMs;
      cases.push(await runCase(one, run));
      // Requests of clients come first.
      await setImmediate();
    }
  } finally {
    await limits.close();
  }
  return { testId: test.id, name: test.name, isPassed: cases.every(({ isPassed }) => isPassed), cases };
}

/** Ends what has run out by then, in order; what ends at the very moment is free for whoever comes at it. */
async function endUntil(atMs: number, run: Run): Promise<void> {
  const ended = run.running.filter(({ endsAtMs }) => endsAtMs <= atMs);
  run.running = run.running.filter(({ endsAtMs }) => endsAtMs > atMs);
  for (const { endsAtMs, end } of ended.toSorted((left, right) => left.endsAtMs - right.endsAtMs)) {
    run.elapsedMs = endsAtMs;
    await end();
  }
}

async function runCase(one: PolicyTestCase, run: Run): Promise<PolicyTestCaseResult> {
  const { virtualKeyId } = one;
  const key = virtualKeyId === undefined ? undefined : keyNamed(run.rules.config, virtualKeyId);
  if (virtualKeyId !== undefined && key === undefined) {
    const message = `There is no virtual key "${virtualKeyId}".`;
    return { name: one.name, isPassed: false, decision: 'refused', policies: [], message };
  }
  return resultOf(one, await decide(one, key?.secretHash ?? '', run), run.rules);
}

async function decide(one: PolicyTestCase, secretHash: string, run: Run): Promise<Decision> {
  const services = servicesFor(one, secretHash, run);
  const tasks: DeferredTask[] = [];
  let received: Received | undefined;
  try {
    const arrivedAtMs = services.nowMs();
    const request = { ...one.request, virtualKeyId: one.virtualKeyId };
    const { locations } = run.rules.config;
    received = madeUpRequest(request, { arrivedAtMs, defer: (task) => tasks.push(task), locations });
    const route = routeOf(received);
    const { reached, failure } = await attemptRoute(received, route, services);
    if (failure !== undefined) return { received, error: failure.error };
    if (route.kind !== 'models') await admit(one, reached, { tasks, services, run });
    return { received, error: undefined };
  } catch (error) {
    return { received, error };
  }
}

/** @throws GatewayError when a limit has no room */
async function admit(
  { atMs, durationMs, ...one }: PolicyTestCase,
  reached: Decided,
  { tasks, services, run }: { readonly tasks: readonly DeferredTask[]; readonly services: Services; readonly run: Run },
): Promise<void> {
  // Without a failure every stage has added its part.
  const exchange = reached as Reservable & Decided;
  const { targets, grantedTokens } = await reserve(exchange, services);
  exchange.notes.target = targets[0];
  const inputTokens = exchange.input?.tokens ?? one.inputTokens ?? 0;
  const cap = exchange.outputCap?.tokens ?? Number.POSITIVE_INFINITY;
  const outputTokens = Math.min(one.outputTokens ?? Math.min(exchange.demand.outputTokens, grantedTokens), cap);
  const usage = { inputTokens, outputTokens, source: 'provider' } as const;
  const end = async () => {
    for (const task of tasks.toReversed()) await task({ kind: 'completed', status: 200, usage });
  };
  run.running = [...run.running, { endsAtMs: atMs + durationMs, end }];
}

function servicesFor({ inputTokens }: PolicyTestCase, secretHash: string, run: Run): Services {
  const { rules, limits, services, startedAtMs } = run;
  const { estimates } = services;
  return {
    ...services,
    config: { current: () => rules.config, hashOf: () => secretHash, refused: () => undefined },
    limits,
    tokens: inputTokens === undefined ? estimates : recordedCounter(inputTokens),
    health: {
      ...services.health,
      of: () => UNTRIED,
      rank: ({ upstreams }) => upstreams,
      coolingKeys: () => new Set(),
    },
    metrics: SILENT,
    requestLog: { note: () => {} },
    nowMs: () => startedAtMs + run.elapsedMs,
    // The heaviest upstream of a provider goes first.
    random: () => 0.5,
  };
}

function resultOf(
  { name, expect }: PolicyTestCase,
  { received, error }: Decision,
  { policyNames }: TestedRules,
): PolicyTestCaseResult {
  const refusal = error === undefined ? undefined : asGatewayError(error);
  const policies = (refusal?.details.policyIds ?? []).map((id) => ({ id, name: policyNames.get(id) ?? id }));
  const namespace = received?.notes.namespaceId === undefined ? undefined : received.notes.namespace;
  const decision = refusal === undefined ? 'allowed' : 'refused';
  const isAsExpected = [
    decision === expect.decision,
    expect.code === undefined || expect.code === refusal?.code,
    expect.policyId === undefined || policies.some(({ id }) => id === expect.policyId),
    expect.policyName === undefined || policies.some((policy) => policy.name === expect.policyName),
    expect.namespace === undefined || expect.namespace === namespace,
  ];
  return {
    name,
    isPassed: isAsExpected.every(Boolean),
    decision,
    ...(refusal !== undefined && { code: refusal.code, message: refusal.message }),
    policies,
    ...(namespace !== undefined && { namespace }),
  };
}
