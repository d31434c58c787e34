import { expect, it } from 'vitest';
import { afterProbe, PROBED_UP } from './probe-health.ts';
import { afterAttempt, HEALTHY, isHealthy, isOnTrial, onTrial, trafficShare } from './target-health.ts';

const TERMS = { failures: 5, asideMs: 5_000 };

function afterFailures(count: number, atMs: number) {
  let health = HEALTHY;
  for (let failure = 0; failure < count; failure++) health = afterAttempt(health, 'failed', atMs, TERMS);
  return health;
}

it('five failures in a row set an upstream aside for 5 s, one success forgets them', () => {
  expect(isHealthy(afterFailures(4, 0), 0)).toBe(true);
  const aside = afterFailures(5, 0);
  expect([isHealthy(aside, 4_999), isHealthy(aside, 5_000)]).toEqual([false, true]);
  expect(isHealthy(afterAttempt(aside, 'failed', 5_000), 9_999)).toBe(false);
  expect(afterAttempt(afterFailures(4, 0), 'ok', 1)).toEqual(HEALTHY);
});

it('one request shows whether it is back, the others stay away meanwhile', () => {
  const aside = afterFailures(5, 0);
  expect([isOnTrial(aside, 4_999), isOnTrial(aside, 5_000), isOnTrial(HEALTHY, 5_000)]).toEqual([false, true, false]);
  const tried = onTrial(aside, 5_000, TERMS);
  expect([isHealthy(tried, 5_001), isOnTrial(tried, 5_001)]).toEqual([false, false]);
  expect(isHealthy(afterAttempt(tried, 'ok', 5_050, TERMS), 5_050)).toBe(true);
});

it('traffic comes back slowly, from a tenth to all of it', () => {
  const back = afterAttempt(afterFailures(5, 0), 'ok', 10_000, TERMS);
  expect([10_000, 15_000, 20_000].map((at) => trafficShare(back, at, 10_000))).toEqual([0.1, 0.55, 1]);
  expect(trafficShare(HEALTHY, 0, 10_000)).toBe(1);
  expect(trafficShare(back, 10_000, 0)).toBe(1);
});

it('checks turn an upstream after as many results in a row as asked for', () => {
  const check = { healthyAfter: 2, unhealthyAfter: 3 };
  const after = (results: string) =>
    [...results].reduce((known, result) => afterProbe(known, result === '+', check), PROBED_UP);
  expect(['--', '--+--', '---', '---+', '---+-+', '---++'].map((results) => after(results).isUp)).toEqual([
    true,
    true,
    false,
    false,
    false,
    true,
  ]);
});
