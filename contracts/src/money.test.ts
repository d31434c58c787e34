import fc from 'fast-check';
import { expect, it } from 'vitest';
import { amountOf, microsOf, money, nanosOf } from './money.ts';
import { costNanos, tokenPriceOf } from './rules/cost.ts';

const price = (inputPerMillion: string, outputPerMillion: string) =>
  tokenPriceOf({ inputPerMillion, outputPerMillion });

// requirements.md 4.6, 18 + 39 tokens: business pays .001 a token, individuals .002; 25 tokens at 10 a million.
it.each([
  ['1000', 18, 39, '0.057'],
  ['2000', 18, 39, '0.114'],
  ['10', 15, 10, '0.00025'],
])('%s a million for %i + %i tokens is %s', (perMillion, inputTokens, outputTokens, amount) => {
  expect(amountOf(costNanos({ inputTokens, outputTokens }, price(perMillion, perMillion)))).toBe(amount);
});

it('rounds up, so that no priced request is free', () => {
  const nanos = costNanos({ inputTokens: 1, outputTokens: 0 }, price('0.000000001', '0'));
  expect(nanos).toBe(1n);
  expect(microsOf(nanos)).toBe(1);
});

it.each(['1', '0.5', '12.345678901', '999999999.999999999'])('reads %s back', (amount) => {
  expect(money.safeParse(amount).success).toBe(true);
  expect(amountOf(nanosOf(amount))).toBe(amount);
});

it.each(['', '-1', '1e3', '1.0000000001', '.5', '1.', '1,5'])('refuses "%s"', (amount) => {
  expect(money.safeParse(amount).success).toBe(false);
});

it('reads every amount back as it wrote it', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 999_999_999_999_999_999n }), (nanos) => {
      expect(nanosOf(amountOf(nanos))).toBe(nanos);
    }),
  );
});
