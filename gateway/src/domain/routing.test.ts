import { upstreamShape } from '@ai-gateway/contracts';
import { outputCapOf, upstreamMaxOf } from '@ai-gateway/limits';
import { describe, expect, it } from 'vitest';
import { saneUsage } from './outcome.ts';
import { preferring, rankTargets } from './rank-targets.ts';
import { afterAttempt, HEALTHY, isHealthy } from './target-health.ts';

describe('the output cap', () => {
  const policy = (maxOutputTokens: number | undefined) => ({ policyId: 'p', maxOutputTokens });

  it.each([
    ['policy 2000, client 50', 50, 1, [2000], 50, 50],
    ['policy 2000, client 4000', 4000, 1, [2000], 2000, 2000],
    ['policy 2000, client none', undefined, 1, [2000], 2000, 2000],
    ['two policies', undefined, 1, [300, 200], 200, 200],
    ['client alone, three choices', 50, 3, [], 150, 50],
    ['n cannot multiply the cap of a policy', 50, 8, [100], 100, 50],
    ['nobody', undefined, 1, [], undefined, undefined],
  ])('%s', (...[_name, clientMax, choices, caps, total, perChoice]) => {
    const cap = outputCapOf({ clientMax, choices, policies: caps.map(policy) });
    expect(cap?.tokens).toBe(total);
    expect(upstreamMaxOf(clientMax, cap)).toBe(perChoice);
  });

  it.each([
    ['the client asks for less', 50, 1, [], 50, 50],
    ['the client asks for more', 500, 1, [], 100, 100],
    ['the client asks for more, of three choices', 500, 3, [], 300, 100],
    ['nobody asks: the model keeps to it by itself', undefined, 2, [], 200, undefined],
    ['a policy is smaller', undefined, 1, [30], 30, 30],
    ['a policy is larger than a choice can be', undefined, 3, [250], 250, 100],
  ])('of a model that gives 100 tokens: %s', (...[_name, clientMax, choices, caps, total, perChoice]) => {
    const cap = outputCapOf({ clientMax, choices, modelMax: 100, policies: caps.map(policy) });
    expect(cap?.tokens).toBe(total);
    expect(upstreamMaxOf(clientMax, cap, 100)).toBe(perChoice);
  });
});

describe('the order of upstreams', () => {
  const upstreams = [1, 3].map((weight, index) =>
    upstreamShape.parse({ id: `u${index}`, providerId: 'p', baseUrl: 'http://h', weight }),
  );

  it('is random in proportion to weight', () => {
    let seed = 1;
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    let heavyFirst = 0;
    for (let count = 0; count < 4_000; count++)
      if (rankTargets(upstreams, () => undefined, 0, random)[0]?.id === 'u1') heavyFirst++;
    expect(heavyFirst / 4_000).toBeCloseTo(0.75, 1);
  });

  it('puts those set aside last, and tries them all the same', () => {
    const open = { failures: 5, openUntilMs: 1_000 };
    const ranked = (nowMs: number) =>
      rankTargets(
        upstreams,
        (id) => (id === 'u1' ? open : undefined),
        nowMs,
        () => 0.5,
      ).map(({ id }) => id);
    expect(ranked(999)).toEqual(['u0', 'u1']);
    expect(ranked(1_000)).toEqual(['u1', 'u0']);
  });

  it('begins with the one that a rule prefers, unless that is set aside', () => {
    const open = { failures: 5, openUntilMs: 1_000 };
    const first = (id: string | undefined, nowMs: number) =>
      preferring(upstreams, id, (each) => (each === 'u1' ? open : undefined), nowMs)[0]?.id;
    expect([first('u1', 1_000), first('u1', 999), first('u0', 0), first('gone', 0), first(undefined, 0)]).toEqual([
      'u1',
      'u0',
      'u0',
      'u0',
      'u0',
    ]);
  });
});

it('five failures in a row set an upstream aside for 5 s, one success forgets them', () => {
  let health = HEALTHY;
  for (let count = 0; count < 4; count++) health = afterAttempt(health, 'failed', 0);
  expect(isHealthy(health, 0)).toBe(true);
  health = afterAttempt(health, 'failed', 0);
  expect([isHealthy(health, 4_999), isHealthy(health, 5_000)]).toEqual([false, true]);
  expect(isHealthy(afterAttempt(health, 'failed', 5_000), 9_999)).toBe(false);
  expect(afterAttempt(health, 'ok', 5_000)).toEqual(HEALTHY);
});

it.each([
  null,
  undefined,
  'x',
  {},
  { prompt_tokens: 1 },
  { prompt_tokens: -1, completion_tokens: 1 },
  { prompt_tokens: 1.5, completion_tokens: 1 },
  { prompt_tokens: 1e9, completion_tokens: 1 },
])('usage %j is not believed', (usage) => {
  expect(saneUsage(usage)).toBeUndefined();
});
