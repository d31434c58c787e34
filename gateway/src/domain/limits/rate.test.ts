import fc from 'fast-check';
import { expect, it } from 'vitest';
import { takeRate, usedBurst } from './rate.ts';

it('lets 100 pass at once at 100 per second and refuses the 101st', () => {
  const limit = { emissionUs: 10_000, burst: 100 };
  let state = 0;
  for (let count = 0; count < 100; count++) {
    const decision = takeRate(state, limit, 5_000_000);
    if (decision.kind !== 'fits') throw new Error(`refused number ${count + 1}`);
    state = decision.theoreticalArrivalUs;
  }
  expect(takeRate(state, limit, 5_000_000)).toEqual({ kind: 'full', retryAfterMs: 10 });
  expect(takeRate(state, limit, 5_010_000)).toMatchObject({ kind: 'fits' });
  expect(usedBurst(state, limit, 5_000_000)).toBe(100);
});

it('never admits more than burst + w / T in any interval', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 5_000 }),
      fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 200 }),
      (burst, emissionUs, gaps) => {
        const admitted: number[] = [];
        let state = 0;
        let now = 1_000_000;
        for (const gap of gaps) {
          now += gap;
          const decision = takeRate(state, { emissionUs, burst }, now);
          if (decision.kind === 'full') continue;
          state = decision.theoreticalArrivalUs;
          admitted.push(now);
        }
        for (let from = 0; from < admitted.length; from++) {
          for (let to = from; to < admitted.length; to++) {
            const width = admitted[to]! - admitted[from]!;
            expect(to - from + 1).toBeLessThanOrEqual(burst + Math.floor(width / emissionUs));
          }
        }
      },
    ),
  );
});

it('recovers within the burst when the clock steps back', () => {
  const limit = { emissionUs: 1_000, burst: 5 };
  const decision = takeRate(3_600_000_000, limit, 1_000_000);
  expect(decision).toEqual({ kind: 'full', retryAfterMs: 1 });
});
