import { expect, it } from 'vitest';
import { limitsOf } from '../../../limits/test/support/limits.ts';
import { durationText, rateHeaders } from './rate-headers.ts';

it.each([
  [17, '17ms'],
  [1_000, '1s'],
  [1_442, '1.442s'],
  [360_000, '6m0s'],
  [7_205_000, '2h0m5s'],
])('%i ms is %s', (ms, text) => {
  expect(durationText(ms)).toBe(text);
});

it('tells OpenAI clients of the limit nearest to its end', () => {
  const limits = limitsOf([
    { kind: 'qps-limit', maxQps: 100 },
    { kind: 'request-limit', windows: [{ windowSeconds: 86_400, maxRequests: 1_000 }] },
  ]);
  const [rate, day] = limits;
  if (rate === undefined || day === undefined) throw new Error('no limits');
  const headers = rateHeaders([
    { limit: rate, remaining: 99, resetMs: 10 },
    { limit: day, remaining: 3, resetMs: 3_600_000 },
  ]);
  expect(headers).toMatchObject({
    'x-ratelimit-limit-requests': '1000',
    'x-ratelimit-remaining-requests': '3',
    'x-ratelimit-reset-requests': '1h0m0s',
    ratelimit: '"p0";r=99;t=1, "p1.requests.86400";r=3;t=3600',
  });
});

it('says nothing of money', () => {
  const [budget] = limitsOf([{ kind: 'budget-limit', windows: [{ windowSeconds: 60, maxAmount: '1' }] }]);
  expect(rateHeaders(budget === undefined ? [] : [{ limit: budget, remaining: 5, resetMs: 1 }])).toEqual({});
});
