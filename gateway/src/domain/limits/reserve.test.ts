import { policyShape } from '@ai-gateway/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limitsOf } from './plan.ts';
import { emptyLimitState, type LimitState, type ReserveRequest, renew, reserve, settle } from './reserve.ts';

const NOW_US = 1_700_000_000_000_000;

function policy(id: string, rule: object, mode = 'enforce') {
  return policyShape.parse({ id, namespaceId: 'n', name: id, mode, rule });
}

function request(reservationId: string, inputTokens = 18, outputTokens = 50): ReserveRequest {
  return { reservationId, inputTokens, outputTokens, leaseMs: 30_000, isOutputNamed: true };
}

const concurrency = policy('c', { kind: 'concurrency-limit', maxConcurrent: 50 });
const hourly = policy('t', { kind: 'token-limit', windows: [{ windowSeconds: 3600, maxTokens: 100_000 }] });
const perSecond = policy('q', { kind: 'qps-limit', maxQps: 2 });

describe('concurrency', () => {
  it('runs 50, refuses the 51st, and takes the next when one ends', () => {
    const state = emptyLimitState();
    const limits = limitsOf([concurrency]);
    for (let count = 0; count < 50; count++)
      expect(reserve(state, limits, request(`r${count}`), NOW_US).kind).toBe('admitted');
    expect(reserve(state, limits, request('r50'), NOW_US).kind).toBe('refused');
    settle(state, 'r7', { inputTokens: 18, outputTokens: 3 });
    expect(reserve(state, limits, request('r50'), NOW_US).kind).toBe('admitted');
  });

  it('frees the slots of a crashed holder when its lease runs out, unless it is renewed', () => {
    const state = emptyLimitState();
    const limits = limitsOf([policy('c', { kind: 'concurrency-limit', maxConcurrent: 1 })]);
    reserve(state, limits, request('first'), NOW_US);
    expect(reserve(state, limits, request('second'), NOW_US + 29_999_000).kind).toBe('refused');
    renew(state, 'first', NOW_US / 1000 + 60_000);
    expect(reserve(state, limits, request('second'), NOW_US + 31_000_000).kind).toBe('refused');
    expect(reserve(state, limits, request('second'), NOW_US + 60_000_000).kind).toBe('admitted');
  });
});

it('takes all or nothing: a refusal by the last limit consumes nothing of the others', () => {
  const state = emptyLimitState();
  const limits = limitsOf([perSecond, concurrency, hourly]);
  const before = dump(state);
  const decision = reserve(state, limits, request('big', 60_000, 40_001), NOW_US);
  expect(decision).toMatchObject({ kind: 'refused', failures: [{ retryAfterMs: undefined }] });
  expect(dump(state)).toEqual(before);
});

it.each([
  [{ maxQps: 100 }, 100],
  [{ maxQps: 10, windowSeconds: 60 }, 600],
  [{ maxQps: 0.5, windowSeconds: 60 }, 30],
  [{ maxQps: 0.02 }, 1],
  [{ maxQps: 100, burst: 1 }, 1],
  [{ maxQps: 10, windowSeconds: 60, algorithm: 'strict' }, 600],
])('%j lets %i pass at once and refuses one more', (rule, requests) => {
  const state = emptyLimitState();
  const limits = limitsOf([policy('q', { kind: 'qps-limit', ...rule })]);
  for (let count = 0; count < requests; count++)
    expect(reserve(state, limits, request(`r${count}`), NOW_US).kind).toBe('admitted');
  expect(reserve(state, limits, request('last'), NOW_US).kind).toBe('refused');
});

it('names every limit that refuses', () => {
  const state = emptyLimitState();
  const limits = limitsOf([perSecond, policy('c', { kind: 'concurrency-limit', maxConcurrent: 2 })]);
  reserve(state, limits, request('1'), NOW_US);
  reserve(state, limits, request('2'), NOW_US);
  const decision = reserve(state, limits, request('3'), NOW_US);
  expect(decision.kind === 'refused' && decision.failures.map(({ limit }) => limit.policyId)).toEqual(['q', 'c']);
});

it('counts but does not refuse in observe mode', () => {
  const state = emptyLimitState();
  const limits = limitsOf([policy('c', { kind: 'concurrency-limit', maxConcurrent: 1 }, 'observe')]);
  reserve(state, limits, request('1'), NOW_US);
  expect(reserve(state, limits, request('2'), NOW_US)).toMatchObject({
    kind: 'admitted',
    observed: [{ limit: { policyId: 'c' } }],
  });
});

it('shrinks a guessed reservation to what the window can ever admit, but not one that was asked for', () => {
  const limits = limitsOf([policy('t', { kind: 'token-limit', windows: [{ windowSeconds: 60, maxTokens: 500 }] })]);
  const guessed = { ...request('guess', 100, 1024), isOutputNamed: false };
  expect(reserve(emptyLimitState(), limits, guessed, NOW_US).kind).toBe('admitted');
  expect(reserve(emptyLimitState(), limits, request('named', 100, 1024), NOW_US).kind).toBe('refused');
});

it('admits the same reservation once and settles it once', () => {
  const state = emptyLimitState();
  const limits = limitsOf([concurrency, hourly]);
  reserve(state, limits, request('same'), NOW_US);
  const once = dump(state);
  reserve(state, limits, request('same'), NOW_US);
  expect(dump(state)).toEqual(once);
  expect(settle(state, 'same', { inputTokens: 18, outputTokens: 39 })).toBe(true);
  const settled = dump(state);
  expect(settle(state, 'same', { inputTokens: 18, outputTokens: 39 })).toBe(false);
  expect(dump(state)).toEqual(settled);
});

it('ends with the sum of real tokens and no slot held, whatever the order of requests and settlements', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(40), fc.nat(60), fc.nat(60)), { maxLength: 60 }), (steps) => {
      const state = emptyLimitState();
      const limits = limitsOf([
        concurrency,
        hourly,
        policy('o', { kind: 'token-limit', windows: [{ windowSeconds: 60, maxTokens: 900, counts: 'output' }] }),
      ]);
      const open: string[] = [];
      let real = 0;
      for (const [pick, reserved, used] of steps) {
        const id = `r${open.length}-${pick}-${reserved}-${used}-${real}`;
        const decision = reserve(state, limits, request(id, 10, reserved), NOW_US);
        if (decision.kind === 'admitted' && !open.includes(id)) open.push(id);
        const chosen = open[pick % Math.max(1, open.length)];
        if (chosen === undefined) continue;
        open.splice(open.indexOf(chosen), 1);
        settle(state, chosen, { inputTokens: 10, outputTokens: used });
        real += 10 + used;
      }
      for (const id of open) settle(state, id, { inputTokens: 0, outputTokens: 0 });
      expect(state.reservations.size).toBe(0);
      expect(state.leases.get('c:c')?.size ?? 0).toBe(0);
      expect(state.windows.get('t:t:total:3600000:60')?.sum ?? 0).toBe(real);
    }),
  );
});

function dump(state: LimitState) {
  return {
    rates: [...state.rates],
    windows: [...state.windows]
      .filter(([, { sum }]) => sum > 0)
      .map(([key, { amounts, sum }]) => [key, [...amounts], sum]),
    leases: [...state.leases].filter(([, leases]) => leases.size > 0).map(([key, leases]) => [key, [...leases]]),
    reservations: [...state.reservations],
  };
}
