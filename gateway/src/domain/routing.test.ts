import { outputCapOf, upstreamMaxOf } from '@ai-gateway/limits';
import { describe, expect, it } from 'vitest';
import { saneUsage } from './outcome.ts';

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
