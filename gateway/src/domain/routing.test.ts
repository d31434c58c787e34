import { providerShape, snapshotShape, upstreamShape } from '@ai-gateway/contracts';
import { outputCapOf, upstreamMaxOf } from '@ai-gateway/limits';
import { describe, expect, it } from 'vitest';
import { compileSnapshot } from './compile-snapshot.ts';
import { saneUsage } from './outcome.ts';
import { rankTargets } from './rank-targets.ts';
import { resolveModel } from './resolve-model.ts';
import { afterAttempt, HEALTHY, isHealthy } from './target-health.ts';

const config = compileSnapshot(
  snapshotShape.parse({
    epoch: 'e',
    revision: 1,
    createdAt: '2026-01-01T00:00:00Z',
    namespaces: [],
    matchers: [],
    policies: [],
    providers: [
      { id: 'openai', name: 'openai', models: ['gpt-*', 'o3'], priority: 10 },
      { id: 'mock', name: 'mock', models: ['gpt-4o-mini', 'Qwen3-8B', 'deepseek-ai/deepseek-v3'], priority: 100 },
      { id: 'twin', name: 'twin', models: ['Qwen3-*', 'gpt-4o-mini'], priority: 100 },
      { id: 'off', name: 'off', models: ['*'], isEnabled: false },
    ].map((provider) => providerShape.parse(provider)),
    upstreams: [],
    virtualKeys: [],
  }),
);

describe('which provider serves a model', () => {
  it.each([
    ['openai/gpt-4', 'openai', 'gpt-4'],
    ['mock/gpt-4o-mini', 'mock', 'gpt-4o-mini'],
    ['gpt-4o-mini', 'openai', 'gpt-4o-mini'],
    ['Qwen3-8B', 'mock', 'Qwen3-8B'],
    ['Qwen3-32B', 'twin', 'Qwen3-32B'],
    ['deepseek-ai/deepseek-v3', 'mock', 'deepseek-ai/deepseek-v3'],
  ])('%s goes to %s as %s', (model, provider, resolved) => {
    const choice = resolveModel(config, model);
    expect([choice.provider.provider.name, choice.resolvedModel]).toEqual([provider, resolved]);
  });

  it.each(['claude-3', 'mock/claude-3', 'off/anything', 'gpt', 'o3-mini', 'qwen3-8B'])('nobody serves %s', (model) => {
    expect(() => resolveModel(config, model)).toThrow(expect.objectContaining({ code: 'model_not_found' }));
  });
});

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
