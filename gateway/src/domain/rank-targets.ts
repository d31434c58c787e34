import type { Routing, Strategy, Upstream } from '@ai-gateway/contracts';
import { expectedMs, type PeakEwma } from './peak-ewma.ts';
import { rendezvousScore } from './rendezvous.ts';
import { isHealthy, isOnTrial, trafficShare, type UpstreamHealth } from './target-health.ts';

/** What a gateway knows of one upstream. */
export interface Standing {
  readonly health: UpstreamHealth;
  /** False while the checks beside the traffic find it down. */
  readonly isProbedUp: boolean;
  /** Instant (ms) until which the provider has said that it has no quota left; 0 = it has. */
  readonly limitedUntilMs: number;
  readonly latency: PeakEwma | undefined;
  readonly inFlight: number;
}

/** Whose turn it is among the upstreams of a provider, by upstream id. */
export interface Rotation {
  readonly turn: number;
  readonly credits: ReadonlyMap<string, number>;
}

export const FIRST_ROTATION: Rotation = { turn: 0, credits: new Map() };

/** What the order depends on. */
export interface RankTerms {
  readonly strategy: Strategy;
  readonly routing: Pick<Routing, 'ejection'>;
  readonly standingOf: (upstreamId: string) => Standing;
  readonly rotation: Rotation;
  /** What `consistent_hash` hashes. */
  readonly hashKey: string;
  readonly nowMs: number;
  /** Numbers in [0, 1). */
  readonly random: () => number;
}

/** The order, and whose turn it is next. */
export interface Ranking {
  readonly ranked: readonly Upstream[];
  readonly rotation: Rotation;
  /** An upstream at the head whose request shows whether it is back; others must stay away from it meanwhile. */
  readonly trialId: string | undefined;
}

/** The groups that are tried one after the other; within one the strategy decides. */
const GROUPS = ['head', 'taking', 'returning', 'canary', 'limited', 'aside'] as const;
type Group = (typeof GROUPS)[number];

/**
 * The order in which upstreams are tried: by the strategy among those that take traffic, then those that are coming
 * back, without quota or set aside (when nothing else is left, trying is better than refusing). Upstreams that answer as
 * many requests as they may are left out.
 */
export function rankTargets(upstreams: readonly Upstream[], terms: RankTerms): Ranking {
  const { standingOf, nowMs } = terms;
  const open = upstreams.filter(
    ({ id, maxConcurrent }) => maxConcurrent === undefined || standingOf(id).inFlight < maxConcurrent,
  );
  const groups = grouped(open, terms);
  const { ranked: taking, rotation } = byStrategy(groups.taking, terms);
  const ranked = GROUPS.flatMap((group) =>
    group === 'taking' ? taking : byStrategy(groups[group], { ...terms, rotation: FIRST_ROTATION }).ranked,
  );
  const [head] = groups.head;
  return { ranked, rotation, trialId: head && isOnTrial(standingOf(head.id).health, nowMs) ? head.id : undefined };
}

/** One upstream at most is at the head: the canary that is drawn, else one whose time aside is over. */
function grouped(upstreams: readonly Upstream[], terms: RankTerms): Readonly<Record<Group, Upstream[]>> {
  const { standingOf, routing, nowMs, random } = terms;
  const aside = setAside(upstreams, terms);
  const isLimited = ({ id }: Upstream) => standingOf(id).limitedUntilMs > nowMs;
  const usable = upstreams.filter((upstream) => !aside.has(upstream.id) && !isLimited(upstream));
  const head =
    drawnCanary(usable, random) ??
    usable.find(({ id, canaryPercent }) => canaryPercent === undefined && isOnTrial(standingOf(id).health, nowMs));
  const groups: Record<Group, Upstream[]> = { head: [], taking: [], returning: [], canary: [], limited: [], aside: [] };
  for (const upstream of upstreams) groups[groupOf(upstream)].push(upstream);
  return groups;

  function groupOf(upstream: Upstream): Group {
    if (upstream === head) return 'head';
    if (aside.has(upstream.id)) return 'aside';
    if (isLimited(upstream)) return 'limited';
    if (upstream.canaryPercent !== undefined) return 'canary';
    const { health } = standingOf(upstream.id);
    if (isOnTrial(health, nowMs)) return 'returning';
    return random() < trafficShare(health, nowMs, routing.ejection.slowStartMs) ? 'taking' : 'returning';
  }
}

/** Those set aside, no more than may be: beyond that the ones that come back first take traffic all the same. */
function setAside(upstreams: readonly Upstream[], { standingOf, routing, nowMs }: RankTerms): ReadonlySet<string> {
  const most = Math.ceil((upstreams.length * routing.ejection.maxPercent) / 100);
  const down = upstreams.filter(({ id }) => !takesTraffic(standingOf(id), nowMs));
  const latestFirst = down.toSorted(
    (left, right) => standingOf(right.id).health.openUntilMs - standingOf(left.id).health.openUntilMs,
  );
  return new Set(latestFirst.slice(0, most).map(({ id }) => id));
}

/** Is it neither set aside after failures nor found down by its checks? */
export function takesTraffic({ health, isProbedUp }: Standing, nowMs: number): boolean {
  return isProbedUp && isHealthy(health, nowMs);
}

function drawnCanary(upstreams: readonly Upstream[], random: () => number): Upstream | undefined {
  const canaries = upstreams.filter(({ canaryPercent }) => canaryPercent !== undefined);
  if (canaries.length === 0) return undefined;
  let drawn = random() * 100;
  return canaries.find(({ canaryPercent = 0 }) => {
    drawn -= canaryPercent;
    return drawn < 0;
  });
}

type Ordered = Pick<Ranking, 'ranked' | 'rotation'>;

function byStrategy(upstreams: readonly Upstream[], terms: RankTerms): Ordered {
  const { strategy, rotation, random, hashKey } = terms;
  if (upstreams.length <= 1) return { ranked: upstreams, rotation };
  switch (strategy) {
    case 'weighted':
      return smoothlyWeighted(upstreams, rotation);
    case 'round_robin': {
      const first = rotation.turn % upstreams.length;
      const ranked = [...upstreams.slice(first), ...upstreams.slice(0, first)];
      return { ranked, rotation: { ...rotation, turn: rotation.turn + 1 } };
    }
    case 'first_available':
      return { ranked: smallestFirst(upstreams, ({ priority }) => priority), rotation };
    case 'random':
      return { ranked: smallestFirst(upstreams, random), rotation };
    case 'least_inflight':
    case 'lowest_latency': {
      const loadOf = strategy === 'least_inflight' ? inFlightLoad : latencyLoad;
      // Shuffled first: among equals nobody is always the first.
      const shuffled = smallestFirst(upstreams, random);
      return { ranked: smallestFirst(shuffled, (upstream) => loadOf(upstream, terms)), rotation };
    }
    case 'consistent_hash':
      return { ranked: smallestFirst(upstreams, ({ id, weight }) => -rendezvousScore(hashKey, id, weight)), rotation };
    default:
      return strategy satisfies never;
  }
}

/**
 * Smooth weighted round robin as in nginx: each gains its weight, the richest goes first and pays for the turn.
 * https://github.com/nginx/nginx/commit/52327e0627f49dbda1e8db695e63a4b0af4448b1
 */
function smoothlyWeighted(upstreams: readonly Upstream[], rotation: Rotation): Ordered {
  const credits = new Map(upstreams.map(({ id, weight }) => [id, (rotation.credits.get(id) ?? 0) + weight]));
  const creditOf = ({ id }: Upstream) => credits.get(id) ?? 0;
  const ranked = smallestFirst(upstreams, (upstream) => -creditOf(upstream));
  const total = upstreams.reduce((sum, { weight }) => sum + weight, 0);
  const [first] = ranked;
  if (first !== undefined) credits.set(first.id, creditOf(first) - total);
  return { ranked, rotation: { ...rotation, credits } };
}

function inFlightLoad({ id, weight }: Upstream, { standingOf }: RankTerms): number {
  return (standingOf(id).inFlight + 1) / weight;
}

function latencyLoad({ id, weight }: Upstream, { standingOf, nowMs }: RankTerms): number {
  const { latency, inFlight } = standingOf(id);
  return (expectedMs(latency, nowMs) * (inFlight + 1)) / weight;
}

/** Sorted by a key that is asked for once per item; equal ones stay as they were. */
function smallestFirst(upstreams: readonly Upstream[], keyOf: (upstream: Upstream) => number): readonly Upstream[] {
  return upstreams
    .map((upstream) => ({ upstream, key: keyOf(upstream) }))
    .sort((left, right) => left.key - right.key)
    .map(({ upstream }) => upstream);
}

/** The same order with one upstream first, unless it is set aside: what a rule prefers must not fail for that. */
export function preferring(
  ranked: readonly Upstream[],
  preferredId: string | undefined,
  health: (upstreamId: string) => UpstreamHealth | undefined,
  nowMs: number,
): readonly Upstream[] {
  const preferred = ranked.find(({ id }) => id === preferredId);
  if (preferred === undefined || !isHealthy(health(preferred.id), nowMs)) return ranked;
  return [preferred, ...ranked.filter((upstream) => upstream !== preferred)];
}
