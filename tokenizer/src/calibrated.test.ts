import fc from 'fast-check';
import { expect, it } from 'vitest';
import { allowanceBefore, calibrated } from './calibrated.ts';

it('leaves exact counts as they are', () => {
  expect(calibrated(17, 1)).toBe(17);
  expect(allowanceBefore(Number.MAX_SAFE_INTEGER, 1)).toBe(Number.MAX_SAFE_INTEGER);
});

it.each([
  [10, 1.1, 11],
  [10, 1.25, 13],
  [10, 0.75, 8],
  [0, 1.3, 0],
])('%i tokens at %f are %i', (tokens, ratio, expected) => {
  expect(calibrated(tokens, ratio)).toBe(expected);
});

it('the allowance is the largest count that still fits', () => {
  fc.assert(
    fc.property(fc.nat(1_000_000), fc.double({ min: 0.1, max: 10, noNaN: true }), (maxTokens, ratio) => {
      const allowance = allowanceBefore(maxTokens, ratio);
      expect(allowance).toBeGreaterThanOrEqual(0);
      expect(calibrated(allowance, ratio)).toBeLessThanOrEqual(maxTokens);
      expect(calibrated(allowance + 1, ratio)).toBeGreaterThan(maxTokens);
    }),
  );
});

it('has room for everything where nothing limits', () => {
  expect(allowanceBefore(Number.MAX_SAFE_INTEGER, 1.2)).toBeGreaterThan(1e12);
});
