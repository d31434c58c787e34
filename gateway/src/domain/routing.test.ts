import { providerShape, snapshotShape } from '@ai-gateway/contracts';
import { outputCapOf, upstreamMaxOf } from '@ai-gateway/limits';
import { describe, expect, it } from 'vitest';
import { compileSnapshot } from './compile-snapshot.ts';
import { saneUsage } from './outcome.ts';
import { resolveModel } from './resolve-model.ts';

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
