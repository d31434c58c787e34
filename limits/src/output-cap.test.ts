import { describe, expect, it } from 'vitest';
import { limitsOf, request } from '../test/support/limits.ts';
import { largestOutput, outputCapOf, shrunkGuess } from './output-cap.ts';
import { emptyLimitState, reserve } from './reserve.ts';

// requirements.md 4.6: policy output 2000; the request asks for 50, 4000 and nothing.
it.each([
  [50, 50],
  [4_000, 2_000],
  [undefined, 2_000],
])('a policy of 2000 and a request of %s make %i', (clientMax, tokens) => {
  expect(outputCapOf({ clientMax, choices: 1, policies: [{ policyId: 'p', maxOutputTokens: 2_000 }] })?.tokens).toBe(
    tokens,
  );
});

describe('a guess', () => {
  const windows = (...rows: object[]) => limitsOf([{ kind: 'token-limit', windows: rows }]);

  it('never exceeds what the narrowest window can hold beside the input', () => {
    const limits = windows(
      { windowSeconds: 60, maxTokens: 500 },
      { windowSeconds: 60, maxTokens: 450, counts: 'output' },
      { windowSeconds: 60, maxTokens: 10, counts: 'input' },
    );
    expect(largestOutput(limits, 100, undefined)).toBe(400);
    expect(largestOutput([], 100, undefined)).toBe(Number.POSITIVE_INFINITY);
    expect(largestOutput(limits, 600, undefined)).toBe(1);
  });

  it('never exceeds what a budget pays for', () => {
    const limits = limitsOf([{ kind: 'budget-limit', windows: [{ windowSeconds: 60, maxAmount: '0.001' }] }]);
    // 2 and 8 per million: 100 input tokens cost 200 of 1,000 micro-units, the rest pays for 100 of output.
    expect(largestOutput(limits, 100, { input: '2000000000', output: '8000000000' })).toBe(100);
  });

  it.each([
    [800, 150],
    [900, 64],
    [1_000, 64],
  ])('shrinks to the room that is left when %i are used: %s', (before, guess) => {
    const limits = windows({ windowSeconds: 60, maxTokens: 1_000 });
    const state = emptyLimitState();
    reserve(state, limits, request('before', { inputTokens: before, outputTokens: 0 }), 1e15);
    const demand = { inputTokens: 50, outputTokens: 950 };
    const decision = reserve(state, limits, request('asks', demand), 1e15);
    if (decision.kind === 'admitted') throw new Error('admitted');
    expect(shrunkGuess(demand, decision)).toBe(guess);
  });

  it('does not shrink for what is not about output', () => {
    const limits = limitsOf([{ kind: 'concurrency-limit', maxConcurrent: 1 }]);
    const state = emptyLimitState();
    reserve(state, limits, request('first'), 1e15);
    const decision = reserve(state, limits, request('second'), 1e15);
    if (decision.kind === 'admitted') throw new Error('admitted');
    expect(shrunkGuess({ inputTokens: 1, outputTokens: 500 }, decision)).toBeUndefined();
  });
});
