import type { Upstream } from '@ai-gateway/contracts';
import type { CompiledProvider } from '../domain/compile-snapshot.ts';
import { observed } from '../domain/peak-ewma.ts';
import { afterProbe, PROBED_UP, type ProbeHealth } from '../domain/probe-health.ts';
import { exhaustedUntilMs } from '../domain/provider-quota.ts';
import {
  FIRST_ROTATION,
  type Ranking,
  type Rotation,
  rankTargets,
  type Standing,
  takesTraffic,
} from '../domain/rank-targets.ts';
import { type AttemptFailure, isKeyRefused, isUnhealthy } from '../domain/retry.ts';
import { afterRequest, type RetryBudget, takeRetry } from '../domain/retry-budget.ts';
import { afterAttempt, HEALTHY, onTrial } from '../domain/target-health.ts';
import type { Attempt, Log, Metrics, TargetHealth } from '../services.ts';

/** How long an upstream that limits us without saying for how long is left alone, ms. */
const LIMITED_MS = 1_000;

/** How long a key is left alone that the provider does not take (401, 402, 403), ms. */
const REFUSED_MS = 60_000;

/** Answers of a provider whose times are remembered. */
const REMEMBERED_TIMES = 100;

/** Fewer times than this say nothing of the slowest. */
const FEWEST_TIMES = 20;

export interface TargetHealthParts {
  readonly nowMs: () => number;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly metrics: Pick<Metrics, 'upstreamUp'>;
  readonly log: Pick<Log, 'info' | 'warn'>;
}

interface Known extends Standing {
  readonly probe: ProbeHealth;
}

const NEW: Known = {
  health: HEALTHY,
  isProbedUp: true,
  probe: PROBED_UP,
  limitedUntilMs: 0,
  latency: undefined,
  inFlight: 0,
};

/** Upstreams as the attempts and checks of this process show them. */
export function memoryTargetHealth(parts: TargetHealthParts): TargetHealth {
  const { nowMs, random } = parts;
  const standings = standingsOf(parts);
  const { of } = standings;
  const times = answerTimes();
  const cooling = new Map<string, number>();
  const rotations = new Map<string, Rotation>();
  const budgets = new Map<string, RetryBudget>();

  const ranking = ({ provider, upstreams, routing }: CompiledProvider, hashKey: string, now: number): Ranking => {
    const rotation = rotations.get(provider.id) ?? FIRST_ROTATION;
    const terms = { strategy: provider.strategy, routing, standingOf: of, rotation, hashKey, nowMs: now, random };
    return rankTargets(upstreams, terms);
  };

  return {
    of,
    previewRank: (provider, hashKey) => ranking(provider, hashKey, nowMs()).ranked,
    rank(compiled, hashKey) {
      const { provider, routing } = compiled;
      const now = nowMs();
      budgets.set(provider.id, afterRequest(budgets.get(provider.id), routing.retry, now));
      const { ranked, rotation, trialId } = ranking(compiled, hashKey, now);
      rotations.set(provider.id, rotation);
      if (trialId !== undefined) standings.set(trialId, { health: onTrial(of(trialId).health, now, routing.ejection) });
      return ranked;
    },
    coolingKeys() {
      for (const [id, untilMs] of cooling) if (untilMs <= nowMs()) cooling.delete(id);
      return new Set(cooling.keys());
    },
    begin(provider, upstream) {
      const { maxConcurrent = Number.POSITIVE_INFINITY } = upstream;
      if (of(upstream.id).inFlight >= maxConcurrent) return undefined;
      return beginAttempt({ provider, upstream }, { standings, times, cooling, nowMs });
    },
    mayRetry({ provider, routing }) {
      const left = takeRetry(budgets.get(provider.id), routing.retry, nowMs());
      if (left !== undefined) budgets.set(provider.id, left);
      return left !== undefined;
    },
    hedgeAfterMs({ provider, routing }) {
      return routing.hedge === undefined ? undefined : (routing.hedge.afterMs ?? times.slowOf(provider.id));
    },
    probed(provider, upstream, check, isOk) {
      const { probe, health } = of(upstream.id);
      const next = afterProbe(probe, isOk, check);
      const backAtMs = next.isUp && !probe.isUp ? nowMs() : health.backAtMs;
      standings.update(provider, upstream, { probe: next, isProbedUp: next.isUp, health: { ...health, backAtMs } });
    },
  };
}

type Standings = ReturnType<typeof standingsOf>;

function standingsOf({ nowMs, metrics, log }: TargetHealthParts) {
  const known = new Map<string, Known>();
  const of = (upstreamId: string) => known.get(upstreamId) ?? NEW;
  const set = (upstreamId: string, change: Partial<Known>) => {
    const after = { ...of(upstreamId), ...change };
    known.set(upstreamId, after);
    return after;
  };
  return {
    of,
    set,
    /** As `set`, and says so when the upstream begins or ceases to take traffic. */
    update({ provider }: CompiledProvider, { id }: Upstream, change: Partial<Known>): void {
      const was = takesTraffic(of(id), nowMs());
      const after = set(id, change);
      const is = takesTraffic(after, nowMs());
      if (was === is) return;
      metrics.upstreamUp(provider.name, id, is);
      const facts = { provider: provider.name, upstream: id };
      if (is) log.info(facts, 'upstream is back');
      else log.warn({ ...facts, failures: after.health.failures }, 'upstream set aside');
    },
  };
}

interface AttemptParts {
  readonly standings: Standings;
  readonly times: ReturnType<typeof answerTimes>;
  /** Instants (ms) until which keys are left alone, by key id. */
  readonly cooling: Map<string, number>;
  readonly nowMs: () => number;
}

function beginAttempt(
  { provider, upstream }: { readonly provider: CompiledProvider; readonly upstream: Upstream },
  { standings, times, cooling, nowMs }: AttemptParts,
): Attempt {
  const { ejection } = provider.routing;
  const known = () => standings.of(upstream.id);
  const startedMs = nowMs();
  let hasEnded = false;
  standings.set(upstream.id, { inFlight: known().inFlight + 1 });
  return {
    answered(headers, keyId) {
      const now = nowMs();
      const exhaustedMs = exhaustedUntilMs(headers, now) ?? 0;
      if (keyId !== undefined && exhaustedMs > now) cooling.set(keyId, exhaustedMs);
      times.add(provider.provider.id, now - startedMs);
      standings.update(provider, upstream, {
        health: afterAttempt(known().health, 'ok', now, ejection),
        latency: observed(known().latency, now - startedMs, now),
        limitedUntilMs: keyId === undefined ? exhaustedMs : 0,
      });
    },
    failed(failure, keyId) {
      const now = nowMs();
      const isOfKey = keyId !== undefined && isKeyRefused(failure);
      const limitedForMs = isOfKey ? undefined : limitedMsBy(failure);
      if (isOfKey) cooling.set(keyId, now + (limitedMsBy(failure) ?? REFUSED_MS));
      standings.update(provider, upstream, {
        health: afterAttempt(known().health, isUnhealthy(failure) ? 'failed' : 'ok', now, ejection),
        // What was waited for in vain is a latency; a failure that comes at once is none.
        ...(failure.kind === 'timeout' && { latency: observed(known().latency, now - startedMs, now) }),
        ...(limitedForMs !== undefined && { limitedUntilMs: now + limitedForMs }),
      });
    },
    end() {
      if (hasEnded) return;
      hasEnded = true;
      standings.set(upstream.id, { inFlight: known().inFlight - 1 });
    },
  };
}

/** The latest times to the first byte of each provider. */
function answerTimes() {
  const byProvider = new Map<string, number[]>();
  return {
    add(providerId: string, ms: number): void {
      const times = byProvider.get(providerId) ?? [];
      times.push(ms);
      if (times.length > REMEMBERED_TIMES) times.shift();
      byProvider.set(providerId, times);
    },
    /** What 95 of 100 answers took at most, ms; undefined while too few are known. */
    slowOf(providerId: string): number | undefined {
      const sorted = (byProvider.get(providerId) ?? []).toSorted((left, right) => left - right);
      return sorted.length < FEWEST_TIMES ? undefined : sorted[Math.floor(sorted.length * 0.95)];
    },
  };
}

/** How long an upstream is left alone that says it limits us, ms; undefined = it does not. */
function limitedMsBy(failure: AttemptFailure): number | undefined {
  if (failure.kind !== 'status') return undefined;
  if (failure.status === 429) return failure.retryAfterMs ?? LIMITED_MS;
  return failure.status === 503 ? failure.retryAfterMs : undefined;
}
