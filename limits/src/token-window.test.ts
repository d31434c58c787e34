import fc from 'fast-check';
import { expect, it } from 'vitest';
import { addToBucket, bucketAt, correctBucket, emptyWindow, expireWindow, waitForRoom } from './token-window.ts';

const SECOND = { windowMs: 1_000, buckets: 10 };

it('does not bring back a bucket that has left the window', () => {
  const state = emptyWindow();
  addToBucket(state, 0, 100);
  expireWindow(state, SECOND, 5_000);
  correctBucket(state, 0, -50);
  expect(state.sum).toBe(0);
});

it('keeps what lies ahead when the clock steps back, and lets it go a window later', () => {
  const state = emptyWindow();
  addToBucket(state, 1_000_000, 80);
  expireWindow(state, SECOND, 5_000);
  expect(state.sum).toBe(80);
  expireWindow(state, SECOND, 6_200);
  expect(state.sum).toBe(0);
});

it('counts the oldest part whole, and not one millisecond longer', () => {
  const state = emptyWindow();
  addToBucket(state, bucketAt(SECOND, 50), 100);
  expireWindow(state, SECOND, 1_099);
  expect(state.sum).toBe(100);
  expect(waitForRoom(state, SECOND, 1, 1_099)).toBe(1);
  expireWindow(state, SECOND, 1_100);
  expect(state.sum).toBe(0);
});

it('never admits more than the limit in any interval of the window', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 1, max: 60 })), { maxLength: 150 }),
      (buckets, requests) => {
        const shape = { windowMs: 1_000, buckets };
        const state = emptyWindow();
        const admitted: { at: number; amount: number }[] = [];
        let now = 10_000;
        for (const [gap, amount] of requests) {
          now += gap;
          expireWindow(state, shape, now);
          if (state.sum + amount > 100) continue;
          addToBucket(state, bucketAt(shape, now), amount);
          admitted.push({ at: now, amount });
        }
        for (const { at } of admitted) {
          const inWindow = admitted.filter((other) => other.at > at - shape.windowMs && other.at <= at);
          expect(inWindow.reduce((sum, { amount }) => sum + amount, 0)).toBeLessThanOrEqual(100);
        }
      },
    ),
  );
});
