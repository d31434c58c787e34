import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readRate } from './rate.ts';

it('lets 100 pass at once at 100 per second and refuses the 101st', () => {
  const limit = { emissionUs: 10_000, burst: 100 };
  let arrivalUs = 0;
  for (let count = 0; count < 100; count++) {
    const reading = readRate(arrivalUs, limit, 5_000_000);
    expect(reading).toMatchObject({ waitMs: 0, remaining: 100 - count });
    arrivalUs = reading.arrivalUs + limit.emissionUs;
  }
  expect(readRate(arrivalUs, limit, 5_000_000)).toMatchObject({ waitMs: 10, remaining: 0 });
  expect(readRate(arrivalUs, limit, 5_010_000)).toMatchObject({ waitMs: 0, remaining: 1 });
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
          const { waitMs, arrivalUs } = readRate(state, { emissionUs, burst }, now);
          if (waitMs > 0) continue;
          state = arrivalUs + emissionUs;
          admitted.push(now);
        }
        for (const [from, start] of admitted.entries()) {
          for (const [offset, end] of admitted.slice(from).entries()) {
            expect(offset + 1).toBeLessThanOrEqual(burst + Math.floor((end - start) / emissionUs));
          }
        }
      },
    ),
  );
});

it('recovers within the burst when the clock steps back', () => {
  const limit = { emissionUs: 1_000, burst: 5 };
  expect(readRate(3_600_000_000, limit, 1_000_000)).toEqual({ arrivalUs: 1_005_000, remaining: 0, waitMs: 1 });
});
