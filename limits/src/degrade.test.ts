import { expect, it } from 'vitest';
import { limitsOf } from '../test/support/limits.ts';
import { degrade } from './degrade.ts';

const RULES = [
  { kind: 'qps-limit', maxQps: 10 },
  { kind: 'concurrency-limit', maxConcurrent: 7 },
  { kind: 'token-limit', windows: [{ windowSeconds: 60, maxTokens: 100 }] },
];

it('gives each of three gateways a third, rounded down, and at least one', () => {
  const { local } = degrade(limitsOf(RULES), 3);
  expect(local).toMatchObject([{ emissionUs: 300_000, burst: 3 }, { maxConcurrent: 2 }, { max: 33 }]);
  expect(degrade(limitsOf(RULES), 100).local).toMatchObject([{ burst: 1 }, { maxConcurrent: 1 }, { max: 1 }]);
});

it('splits by what each policy says, and never refuses for one that observes', () => {
  const plan = [
    ...limitsOf(RULES, { onLimiterDown: 'open' }),
    ...limitsOf(RULES, { onLimiterDown: 'closed' }),
    ...limitsOf(RULES, { onLimiterDown: 'closed', mode: 'observe' }),
  ];
  const { open, closed, local } = degrade(plan, 1);
  expect([open.length, closed.length, local.length]).toEqual([3, 3, 3]);
  expect(local.every(({ isObserved }) => isObserved)).toBe(true);
});
