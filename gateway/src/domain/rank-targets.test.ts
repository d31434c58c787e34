import { routingShape, type Strategy, type Upstream, upstreamShape } from '@ai-gateway/contracts';
import { describe, expect, it } from 'vitest';
import { observed } from './peak-ewma.ts';
import { FIRST_ROTATION, type Rotation, rankTargets, type Standing } from './rank-targets.ts';
import { afterAttempt, HEALTHY } from './target-health.ts';

const FRESH: Standing = { health: HEALTHY, isProbedUp: true, limitedUntilMs: 0, latency: undefined, inFlight: 0 };

function upstreamsOf(...fields: readonly object[]): readonly Upstream[] {
  return fields.map((field, index) =>
    upstreamShape.parse({ id: `u${index}`, providerId: 'p', baseUrl: 'http://h', ...field }),
  );
}

function seeded(start: number): () => number {
  let seed = start;
  return () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
}

interface Play {
  readonly strategy: Strategy;
  readonly standings?: Readonly<Record<string, Partial<Standing>>>;
  readonly routing?: object;
  readonly nowMs?: number;
  readonly keys?: (request: number) => string;
}

/** Orders of so many requests one after the other, as ids. */
function orders(upstreams: readonly Upstream[], count: number, play: Play): readonly (readonly string[])[] {
  const random = seeded(7);
  let rotation: Rotation = FIRST_ROTATION;
  return Array.from({ length: count }, (_, request) => {
    const ranking = rankTargets(upstreams, {
      strategy: play.strategy,
      routing: routingShape.parse(play.routing ?? {}),
      standingOf: (id) => ({ ...FRESH, ...play.standings?.[id] }),
      rotation,
      hashKey: play.keys?.(request) ?? '',
      nowMs: play.nowMs ?? 0,
      random,
    });
    rotation = ranking.rotation;
    return ranking.ranked.map(({ id }) => id);
  });
}

const firsts = (all: readonly (readonly string[])[]) => all.map(([first]) => first);
const share = (all: readonly (readonly string[])[], id: string) =>
  firsts(all).filter((first) => first === id).length / all.length;

describe('strategies', () => {
  it('weighted is smooth: 5, 1 and 1 never send more than their turn', () => {
    const upstreams = upstreamsOf({ weight: 5 }, { weight: 1 }, { weight: 1 });
    expect(firsts(orders(upstreams, 7, { strategy: 'weighted' })).join(' ')).toBe('u0 u0 u1 u0 u2 u0 u0');
  });

  it.each([[[1, 1]], [[3, 1]], [[10, 7, 2, 1]], [[1000, 1]]])(
    'weighted %j gives every cycle exactly its weights, and is never more than one turn ahead',
    (weights) => {
      const upstreams = upstreamsOf(...weights.map((weight) => ({ weight })));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const counts = new Map<string, number>();
      for (const [turn, first = ''] of firsts(orders(upstreams, total, { strategy: 'weighted' })).entries()) {
        counts.set(first, (counts.get(first) ?? 0) + 1);
        for (const { id, weight } of upstreams) {
          const ahead = (counts.get(id) ?? 0) - ((turn + 1) * weight) / total;
          expect(Math.abs(ahead)).toBeLessThan(upstreams.length);
        }
      }
      expect(upstreams.map(({ id }) => counts.get(id))).toEqual(weights);
    },
  );

  it('round_robin takes turns', () => {
    expect(orders(upstreamsOf({}, {}, {}), 4, { strategy: 'round_robin' }).map((ids) => ids.join(''))).toEqual([
      'u0u1u2',
      'u1u2u0',
      'u2u0u1',
      'u0u1u2',
    ]);
  });

  it('first_available follows the priority', () => {
    const upstreams = upstreamsOf({ priority: 3 }, { priority: 1 }, { priority: 2 });
    expect(orders(upstreams, 1, { strategy: 'first_available' })).toEqual([['u1', 'u2', 'u0']]);
    const aside = { u1: { health: { ...HEALTHY, failures: 5, openUntilMs: 1_000 } } };
    expect(orders(upstreams, 1, { strategy: 'first_available', standings: aside })).toEqual([['u2', 'u0', 'u1']]);
  });

  it('random is fair', () => {
    const all = orders(upstreamsOf({}, {}, {}, {}), 4_000, { strategy: 'random' });
    for (const id of ['u0', 'u1', 'u2', 'u3']) expect(share(all, id)).toBeCloseTo(0.25, 1);
  });

  it('least_inflight counts by weight, and is random among equals', () => {
    const upstreams = upstreamsOf({}, {}, { weight: 4 });
    const standings = { u0: { inFlight: 3 }, u1: { inFlight: 1 }, u2: { inFlight: 5 } };
    expect(orders(upstreams, 1, { strategy: 'least_inflight', standings })).toEqual([['u2', 'u1', 'u0']]);
    expect(share(orders(upstreamsOf({}, {}), 2_000, { strategy: 'least_inflight' }), 'u0')).toBeCloseTo(0.5, 1);
  });

  it('lowest_latency avoids who is slow now or busy, and tries a slow one again when time has passed', () => {
    const upstreams = upstreamsOf({}, {});
    const standings = {
      u0: { latency: observed(undefined, 100, 0) },
      u1: { latency: observed(observed(undefined, 10, 0), 900, 0) },
    };
    expect(orders(upstreams, 1, { strategy: 'lowest_latency', standings })).toEqual([['u0', 'u1']]);
    const busy = { ...standings, u0: { ...standings.u0, inFlight: 20 } };
    expect(orders(upstreams, 1, { strategy: 'lowest_latency', standings: busy })).toEqual([['u1', 'u0']]);
    const later = { ...standings, u0: { latency: observed(undefined, 100, 60_000) } };
    expect(orders(upstreams, 1, { strategy: 'lowest_latency', standings: later, nowMs: 60_000 })[0]?.[0]).toBe('u1');
  });

  it('consistent_hash keeps a key where it is, by weight, and moves only the keys of who has left', () => {
    const upstreams = upstreamsOf({}, {}, { weight: 2 }, {});
    const play = { strategy: 'consistent_hash', keys: (request: number) => `key-${request}` } as const;
    const before = orders(upstreams, 5_000, play);
    expect(share(before, 'u2')).toBeCloseTo(0.4, 1);
    const after = firsts(orders(upstreams.slice(0, 3), 5_000, play));
    for (const [request, [first, second]] of before.entries()) {
      expect(after[request]).toBe(first === 'u3' ? second : first);
    }
  });
});

describe('who takes traffic', () => {
  const aside = { health: { ...HEALTHY, failures: 5, openUntilMs: 1_000 } };

  it('those set aside come last, and are tried all the same', () => {
    const upstreams = upstreamsOf({}, {}, {});
    for (const order of orders(upstreams, 20, { strategy: 'weighted', standings: { u1: aside } }))
      expect(order[2]).toBe('u1');
    expect(orders(upstreamsOf({}), 1, { strategy: 'weighted', standings: { u0: aside } })).toEqual([['u0']]);
  });

  it('one whose checks fail is set aside as well', () => {
    const all = orders(upstreamsOf({}, {}), 20, { strategy: 'random', standings: { u0: { isProbedUp: false } } });
    expect(share(all, 'u1')).toBe(1);
  });

  it('no more than the allowed share is set aside', () => {
    const standings = { u0: aside, u1: aside, u2: aside };
    const all = orders(upstreamsOf({}, {}, {}, {}), 300, { strategy: 'random', standings });
    expect(new Set(firsts(all)).size).toBe(2);
    const none = { ejection: { maxPercent: 0 } };
    expect(
      new Set(firsts(orders(upstreamsOf({}, {}, {}, {}), 300, { strategy: 'random', standings, routing: none }))).size,
    ).toBe(4);
  });

  it('one request tries who was set aside, when its time is over', () => {
    const upstreams = upstreamsOf({}, {});
    const terms = {
      strategy: 'first_available' as const,
      routing: routingShape.parse({}),
      standingOf: (id: string) => (id === 'u1' ? { ...FRESH, ...aside } : FRESH),
      rotation: FIRST_ROTATION,
      hashKey: '',
      random: () => 0.5,
    };
    expect(rankTargets(upstreams, { ...terms, nowMs: 999 }).trialId).toBeUndefined();
    const trial = rankTargets(upstreams, { ...terms, nowMs: 1_000 });
    expect([trial.trialId, trial.ranked[0]?.id]).toEqual(['u1', 'u1']);
  });

  it('who is back gets a growing share', () => {
    const back = { health: afterAttempt(aside.health, 'ok', 0) };
    const shareAt = (nowMs: number) =>
      share(orders(upstreamsOf({}, {}), 4_000, { strategy: 'weighted', standings: { u0: back }, nowMs }), 'u0');
    expect(shareAt(0)).toBeLessThan(0.15);
    expect(shareAt(5_000)).toBeGreaterThan(shareAt(0));
    expect(shareAt(10_000)).toBeCloseTo(0.5, 1);
  });

  it('who has no quota is passed over until its reset', () => {
    const standings = { u0: { limitedUntilMs: 500 } };
    expect(share(orders(upstreamsOf({}, {}), 50, { strategy: 'weighted', standings, nowMs: 499 }), 'u1')).toBe(1);
    expect(share(orders(upstreamsOf({}, {}), 50, { strategy: 'weighted', standings, nowMs: 500 }), 'u1')).toBe(0.5);
  });

  it('who is full is left out', () => {
    const standings = { u0: { inFlight: 2 } };
    expect(orders(upstreamsOf({ maxConcurrent: 2 }, {}), 1, { strategy: 'weighted', standings })).toEqual([['u1']]);
    expect(orders(upstreamsOf({ maxConcurrent: 2 }), 1, { strategy: 'weighted', standings })).toEqual([[]]);
  });

  it('a canary gets its percent, and nothing while it is set aside', () => {
    const upstreams = upstreamsOf({}, {}, { canaryPercent: 5 });
    const all = orders(upstreams, 10_000, { strategy: 'weighted' });
    expect(share(all, 'u2')).toBeGreaterThan(0.04);
    expect(share(all, 'u2')).toBeLessThan(0.06);
    expect(share(orders(upstreams, 1_000, { strategy: 'weighted', standings: { u2: aside } }), 'u2')).toBe(0);
    const zero = upstreamsOf({}, { canaryPercent: 0 });
    expect(share(orders(zero, 1_000, { strategy: 'weighted' }), 'u1')).toBe(0);
    expect(share(orders(zero, 10, { strategy: 'weighted', standings: { u0: { isProbedUp: false } } }), 'u1')).toBe(1);
  });
});
