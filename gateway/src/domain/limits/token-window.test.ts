import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addToBucket, checkWindow, correctBucket, emptyWindow, usedAmount } from './token-window.ts';

const HOUR = { windowMs: 3_600_000, buckets: 60, max: 100_000 };

describe('the edge of a window', () => {
  it.each([
    [99_940, 68, 'full'],
    [99_932, 68, 'fits'],
    [100_000, 1, 'full'],
    [0, 100_000, 'fits'],
    [0, 100_001, 'never'],
  ])('used %i, asks %i: %s', (used, asked, kind) => {
    const state = emptyWindow();
    addToBucket(state, 0, used);
    expect(checkWindow(state, HOUR, asked, 1_000).kind).toBe(kind);
  });
});

it('settles to the real amount in the bucket of admission', () => {
  const state = emptyWindow();
  addToBucket(state, 0, 1_000);
  const decision = checkWindow(state, HOUR, 68, 1_000);
  if (decision.kind !== 'fits') throw new Error(decision.kind);
  addToBucket(state, decision.bucket, 68);
  expect(usedAmount(state, HOUR, 1_000)).toBe(1_068);
  correctBucket(state, decision.bucket, 57 - 68);
  expect(usedAmount(state, HOUR, 1_000)).toBe(1_057);
});

it('says truly when a request will fit', () => {
  const limit = { windowMs: 1_000, buckets: 10, max: 100 };
  const state = emptyWindow();
  addToBucket(state, 0, 100);
  const decision = checkWindow(state, limit, 50, 500);
  if (decision.kind !== 'full') throw new Error(decision.kind);
  expect(checkWindow(state, limit, 50, 500 + decision.retryAfterMs - 1).kind).toBe('full');
  expect(checkWindow(state, limit, 50, 500 + decision.retryAfterMs).kind).toBe('fits');
});

it('does not bring back a bucket that has left the window', () => {
  const limit = { windowMs: 1_000, buckets: 10, max: 100 };
  const state = emptyWindow();
  addToBucket(state, 0, 100);
  usedAmount(state, limit, 5_000);
  correctBucket(state, 0, -50);
  expect(usedAmount(state, limit, 5_000)).toBe(0);
});

it('keeps what lies ahead when the clock steps back', () => {
  const limit = { windowMs: 1_000, buckets: 10, max: 100 };
  const state = emptyWindow();
  addToBucket(state, 1_000_000, 80);
  expect(checkWindow(state, limit, 30, 5_000).kind).toBe('full');
  expect(checkWindow(state, limit, 30, 6_200).kind).toBe('fits');
});

it('never admits more than the limit in any interval of the window', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 1, max: 60 })), { maxLength: 150 }),
      (buckets, requests) => {
        const limit = { windowMs: 1_000, buckets, max: 100 };
        const state = emptyWindow();
        const admitted: { at: number; amount: number }[] = [];
        let now = 10_000;
        for (const [gap, amount] of requests) {
          now += gap;
          const decision = checkWindow(state, limit, amount, now);
          if (decision.kind !== 'fits') continue;
          addToBucket(state, decision.bucket, amount);
          admitted.push({ at: now, amount });
        }
        for (const { at } of admitted) {
          const inWindow = admitted.filter((other) => other.at > at - limit.windowMs && other.at <= at);
          expect(inWindow.reduce((sum, { amount }) => sum + amount, 0)).toBeLessThanOrEqual(limit.max);
        }
      },
    ),
  );
});
