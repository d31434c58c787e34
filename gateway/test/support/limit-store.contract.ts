import { type Held, type Limit, type LimitDecision, preview } from '@ai-gateway/limits';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limitsOf, request } from '../../../limits/test/support/limits.ts';
import type { LimitStore } from '../../src/services.ts';

/** A store and the hands of its clock. */
export interface StoreUnderTest {
  readonly store: LimitStore;
  /** Moves the store's clock. */
  wait(ms: number): void;
  close(): Promise<void>;
}

const NOTHING = { inputTokens: 0, outputTokens: 0 };
const HOURLY = { kind: 'token-limit', windows: [{ windowSeconds: 3600, maxTokens: 100_000 }] };

/** The promises of `LimitStore`, kept by every implementation. */
export function limitStoreContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`LimitStore: ${name}`, () => {
    let under: StoreUnderTest;
    let store: LimitStore;
    beforeEach(async () => {
      under = await open();
      store = under.store;
    });
    afterEach(() => under.close());

    async function admitted(limits: readonly Limit[], id: string, fields = {}): Promise<Held> {
      const decision = await store.reserve(limits, request(id, fields));
      if (decision.kind !== 'admitted') throw new Error(`${id} was refused: ${JSON.stringify(decision.failures)}`);
      return decision.held;
    }
    const refused = async (limits: readonly Limit[], id: string, fields = {}) => {
      const decision = await store.reserve(limits, request(id, fields));
      if (decision.kind !== 'refused') throw new Error(`${id} was admitted`);
      return decision;
    };
    const used = async (limits: readonly Limit[]) => (await store.status(limits)).map(({ current }) => current);

    it('copies its counters so that deciding on the copy says what it would decide, and takes nothing', async () => {
      const limits = limitsOf(
        [
          { kind: 'qps-limit', maxQps: 2, burst: 3 },
          { kind: 'concurrency-limit', maxConcurrent: 3 },
          { kind: 'token-limit', windows: [{ windowSeconds: 60, maxTokens: 250 }] },
          { kind: 'request-limit', windows: [{ windowSeconds: 10, maxRequests: 9 }] },
        ],
        {},
        true,
      );
      const queue = { weight: 1, maxWaiting: 10 };
      for (let count = 0; count < 12; count++) {
        const next = request(`r${count}`, { queue });
        for (let again = 0; again < 2; again++) {
          const { state, nowUs } = await store.copy(limits);
          const before = await store.status(limits);
          const previewed = preview(state, limits, next, nowUs);
          expect(await store.status(limits)).toEqual(before);
          expect(previewed.limits.map((one) => one.before)).toEqual(before.map(({ current }) => current));
          if (again === 0) continue;
          const decision = await store.reserve(limits, next);
          expect(facts(previewed.decision)).toEqual(facts(decision));
          if (decision.kind !== 'admitted') break;
          expect(previewed.limits.map(({ after }) => after)).toEqual(
            (await store.status(limits)).map(({ current }) => current),
          );
          if (count % 3 === 0) await store.settle(decision.held, NOTHING);
        }
        under.wait(400);
      }
    });

    // The worked examples of requirements.md 4.6 that are about limits.
    it('runs 50 at a time, refuses the 51st, and takes the next when one ends', async () => {
      const limits = limitsOf([{ kind: 'concurrency-limit', maxConcurrent: 50 }]);
      const helds: Held[] = [];
      for (let count = 0; count < 50; count++) helds.push(await admitted(limits, `r${count}`));
      expect((await refused(limits, 'r50')).failures[0]?.retryAfterMs).toBe(250);
      await store.settle(helds[7] as Held, NOTHING);
      await admitted(limits, 'r50');
    });

    it.each([
      [{ maxQps: 100 }, 100],
      [{ maxQps: 10, windowSeconds: 60 }, 600],
      [{ maxQps: 0.5, windowSeconds: 60 }, 30],
      [{ maxQps: 0.02 }, 1],
      [{ maxQps: 100, burst: 1 }, 1],
      [{ maxQps: 10, windowSeconds: 60, algorithm: 'strict' }, 600],
    ])('qps-limit %j lets %i pass at once and refuses one more', async (rule, requests) => {
      const limits = limitsOf([{ kind: 'qps-limit', ...rule }]);
      for (let count = 0; count < requests; count++) await admitted(limits, `r${count}`);
      await refused(limits, 'last');
    });

    it('counts several request windows at once', async () => {
      const limits = limitsOf([
        {
          kind: 'request-limit',
          windows: [
            { windowSeconds: 60, maxRequests: 3 },
            { windowSeconds: 86_400, maxRequests: 4 },
          ],
        },
      ]);
      for (let count = 0; count < 3; count++) await admitted(limits, `r${count}`);
      const minute = await refused(limits, 'fourth');
      expect(minute.failures).toHaveLength(1);
      under.wait(63_000);
      await admitted(limits, 'fourth');
      const day = await refused(limits, 'fifth');
      expect(day.failures[0]?.retryAfterMs).toBeGreaterThan(80_000_000);
    });

    it.each([
      [99_940, 18, 50, 'refused'],
      [99_932, 18, 50, 'admitted'],
      [0, 50_000, 50_000, 'admitted'],
      [100_000, 1, 0, 'refused'],
    ])('of 100,000 tokens an hour %i are used: %i + %i are %s', async (before, inputTokens, outputTokens, kind) => {
      const limits = limitsOf([HOURLY]);
      await admitted(limits, 'before', { inputTokens: before, outputTokens: 0 });
      const decision = await store.reserve(limits, request('asks', { inputTokens, outputTokens }));
      expect(decision.kind).toBe(kind);
    });

    it('refuses for ever what exceeds the limit alone, and says so', async () => {
      const { failures } = await refused(limitsOf([HOURLY]), 'big', { inputTokens: 100_000, outputTokens: 1 });
      expect(failures[0]?.retryAfterMs).toBeUndefined();
    });

    // Defects of the sources: reservation with the wrong sign, output never counted, a flat 100 tokens per request.
    it('counts 1,068 while 18 + 50 run beside 1,000, and 1,057 once 39 have come', async () => {
      const limits = limitsOf([HOURLY]);
      await store.settle(await admitted(limits, 'a', { inputTokens: 1_000, outputTokens: 0 }), {
        inputTokens: 1_000,
        outputTokens: 0,
      });
      const held = await admitted(limits, 'b');
      expect(await used(limits)).toEqual([1_068]);
      expect(await store.settle(held, { inputTokens: 18, outputTokens: 39 })).toBe(true);
      expect(await used(limits)).toEqual([1_057]);
    });

    it('counts input, output and money apart', async () => {
      const limits = limitsOf([
        {
          kind: 'token-limit',
          windows: [
            { windowSeconds: 60, maxTokens: 1_000, counts: 'input' },
            { windowSeconds: 60, maxTokens: 1_000, counts: 'output' },
          ],
        },
        { kind: 'budget-limit', windows: [{ windowSeconds: 60, maxAmount: '0.001' }] },
      ]);
      // 2 and 8 per million tokens: 18 x 2 + 50 x 8 = 436 micro-units of 1,000.
      const price = { input: '2000000000', output: '8000000000' };
      const held = await admitted(limits, 'a', { price });
      expect(await used(limits)).toEqual([18, 50, 436]);
      await store.settle(held, { inputTokens: 18, outputTokens: 10 });
      expect(await used(limits)).toEqual([18, 10, 116]);
      const { failures } = await refused(limits, 'b', { price, outputTokens: 107 });
      expect(failures.map(({ limit }) => limit.kind === 'window' && limit.counts)).toEqual(['cost']);
      await admitted(limits, 'c', { price, outputTokens: 106 });
    });

    // Defect of the sources: a denial by one counter left the others consumed.
    it('takes all or nothing, and names every limit that refuses', async () => {
      const limits = limitsOf([
        { kind: 'qps-limit', maxQps: 2 },
        { kind: 'concurrency-limit', maxConcurrent: 2 },
        HOURLY,
      ]);
      await admitted(limits, 'a');
      const before = await store.status(limits);
      const { failures } = await refused(limits, 'big', { inputTokens: 100_000 });
      expect(failures.map(({ limit }) => limit.policyId)).toEqual(['p2']);
      expect((await store.status(limits)).map(({ current }) => current)).toEqual(before.map(({ current }) => current));
      await admitted(limits, 'b');
      expect((await refused(limits, 'c')).failures.map(({ limit }) => limit.policyId)).toEqual(['p0', 'p1']);
    });

    it('observes without refusing, and counts only what would have passed', async () => {
      const limits = limitsOf([{ kind: 'concurrency-limit', maxConcurrent: 1 }], { mode: 'observe' });
      await admitted(limits, 'a');
      const decision = await store.reserve(limits, request('b'));
      expect(decision).toMatchObject({ kind: 'admitted', observed: [{ limit: { policyId: 'p0' } }] });
      expect(await used(limits)).toEqual([1]);
      await store.settle((decision as Extract<LimitDecision, { kind: 'admitted' }>).held, NOTHING);
      expect(await used(limits)).toEqual([1]);
    });

    it('admits one reservation once and settles it once', async () => {
      const limits = limitsOf([{ kind: 'concurrency-limit', maxConcurrent: 5 }, HOURLY]);
      const held = await admitted(limits, 'same');
      expect(await admitted(limits, 'same')).toEqual(held);
      expect(await used(limits)).toEqual([1, 68]);
      expect(await store.settle(held, NOTHING)).toBe(true);
      expect(await store.settle(held, { inputTokens: 9, outputTokens: 9 })).toBe(false);
      expect(await used(limits)).toEqual([0, 0]);
    });

    it('tells what remains and when it is whole again, before and after', async () => {
      const limits = limitsOf([
        { kind: 'qps-limit', maxQps: 2 },
        { kind: 'concurrency-limit', maxConcurrent: 3 },
        HOURLY,
      ]);
      const { readings } = await store.reserve(limits, request('a'));
      expect(readings.map(({ remaining }) => remaining)).toEqual([1, 2, 99_932]);
      expect(readings[0]?.resetMs).toBe(500);
      expect(readings[2]?.resetMs).toBeGreaterThan(3_600_000);
    });

    it('frees the slot and keeps the tokens of a holder that has vanished', async () => {
      const limits = limitsOf([{ kind: 'concurrency-limit', maxConcurrent: 1 }, HOURLY]);
      const held = await admitted(limits, 'first', { leaseMs: 3_000 });
      under.wait(1_000);
      await store.renew([{ held, outputSoFar: 7 }], 3_000);
      under.wait(2_999);
      await refused(limits, 'second');
      expect(await store.reap(3_000)).toBe(0);
      under.wait(1);
      expect(await store.reap(3_000)).toBe(1);
      expect(await used(limits)).toEqual([0, 25]);
      await admitted(limits, 'second');
    });

    it('counts a late holder again and tells it so', async () => {
      const limits = limitsOf([{ kind: 'concurrency-limit', maxConcurrent: 1 }]);
      const held = await admitted(limits, 'slow', { leaseMs: 1_000 });
      under.wait(1_500);
      await admitted(limits, 'other');
      expect(await store.renew([{ held, outputSoFar: 0 }], 1_000)).toEqual({ late: ['slow'], gone: [] });
      expect(await used(limits)).toEqual([2]);
    });

    it('tells a holder that was taken for dead, and counts it again from what it had reported', async () => {
      const limits = limitsOf([{ kind: 'concurrency-limit', maxConcurrent: 1 }, HOURLY]);
      const held = await admitted(limits, 'stalled', { leaseMs: 1_000 });
      await store.renew([{ held, outputSoFar: 5 }], 1_000);
      under.wait(1_001);
      await store.reap(3_000);
      expect(await used(limits)).toEqual([0, 23]);
      expect(await store.renew([{ held, outputSoFar: 9 }], 1_000)).toEqual({ late: [], gone: ['stalled'] });
      await store.adopt([{ held, counted: { inputTokens: 18, outputTokens: 5 }, outputSoFar: 9 }], 1_000);
      expect(await used(limits)).toEqual([1, 68]);
      await store.settle(held, { inputTokens: 18, outputTokens: 30 });
      expect(await used(limits)).toEqual([0, 48]);
    });

    it('adopts what it has never seen, whether there is room or not, once', async () => {
      const limits = limitsOf([{ kind: 'concurrency-limit', maxConcurrent: 1 }, HOURLY]);
      const held = await admitted(limits, 'here');
      const elsewhere = { ...held, reservationId: 'elsewhere' };
      await store.adopt([{ held: elsewhere, counted: undefined, outputSoFar: 0 }], 30_000);
      await store.adopt([{ held: elsewhere, counted: undefined, outputSoFar: 0 }], 30_000);
      expect(await used(limits)).toEqual([2, 136]);
    });

    it('grows a reservation while the window has room, to the token', async () => {
      const limits = limitsOf([{ kind: 'token-limit', windows: [{ windowSeconds: 60, maxTokens: 100 }] }]);
      const held = await admitted(limits, 'a', { inputTokens: 10, outputTokens: 10 });
      expect(await store.extend(held, 91, false)).toBe('denied');
      expect(await used(limits)).toEqual([20]);
      expect(await store.extend(held, 90, false)).toBe('granted');
      expect(await used(limits)).toEqual([100]);
      await refused(limits, 'b', { inputTokens: 1, outputTokens: 0 });
      const grown = { ...held, outputTokens: 90 };
      expect(await store.extend(grown, 95, true)).toBe('granted');
      await store.settle({ ...grown, outputTokens: 95 }, { inputTokens: 10, outputTokens: 40 });
      expect(await used(limits)).toEqual([50]);
      expect(await store.extend(held, 20, false)).toBe('gone');
    });

    // The answer to an extension may be lost: then its caller is wrong about what is reserved.
    it('knows itself what is reserved, whatever the caller thinks', async () => {
      const limits = limitsOf([{ kind: 'token-limit', windows: [{ windowSeconds: 60, maxTokens: 1_000 }] }]);
      const held = await admitted(limits, 'a', { inputTokens: 10, outputTokens: 10 });
      await store.extend(held, 110, false);
      expect(await store.extend(held, 110, false)).toBe('granted');
      expect(await store.extend(held, 50, false)).toBe('granted');
      expect(await used(limits)).toEqual([120]);
      expect(await store.extend({ ...held, outputTokens: 500 }, 210, false)).toBe('granted');
      expect(await used(limits)).toEqual([220]);
      await store.settle(held, { inputTokens: 10, outputTokens: 40 });
      expect(await used(limits)).toEqual([50]);
    });

    it('gives a target that did nothing its tokens back', async () => {
      const limits = limitsOf([HOURLY, HOURLY]);
      const held = await admitted(limits, 'a');
      await store.settle(held, { inputTokens: 18, outputTokens: 2 }, [limits[1]?.key ?? '']);
      expect(await used(limits)).toEqual([20, 0]);
    });

    it('cancels what may have been taken', async () => {
      const limits = limitsOf([{ kind: 'concurrency-limit', maxConcurrent: 1 }, HOURLY]);
      await admitted(limits, 'doubtful');
      await store.cancel('doubtful');
      await store.cancel('never');
      expect(await used(limits)).toEqual([0, 0]);
    });

    // requirements.md 4.6: limits 10000 tokens / 30 min, 100 / min, 50 connections; used 5000, 45, 25.
    it('shows a dashboard what is used and what remains', async () => {
      const limits = limitsOf([
        { kind: 'token-limit', windows: [{ windowSeconds: 1800, maxTokens: 10_000 }] },
        { kind: 'request-limit', windows: [{ windowSeconds: 60, maxRequests: 100 }] },
        { kind: 'concurrency-limit', maxConcurrent: 50 },
      ]);
      // Twenty have ended with 100 tokens each, twenty-five run with 120.
      for (let count = 0; count < 45; count++) {
        const held = await admitted(limits, `r${count}`, { inputTokens: 60, outputTokens: 60 });
        if (count < 20) await store.settle(held, { inputTokens: 60, outputTokens: 40 });
      }
      const shown = await store.status(limits);
      expect(shown.map(({ current }) => current)).toEqual([5_000, 45, 25]);
      expect(shown.map(({ remaining }) => remaining)).toEqual([5_000, 55, 25]);
      const [tokens] = shown;
      const spanMs = Date.parse(tokens?.windowEndAt ?? '') - Date.parse(tokens?.windowStartAt ?? '');
      expect(spanMs).toBeGreaterThanOrEqual(1_800_000);
      expect(spanMs).toBeLessThanOrEqual(1_830_000);
    });

    it('lists what runs', async () => {
      const limits = limitsOf([{ kind: 'concurrency-limit', maxConcurrent: 5 }]);
      const held = await admitted(limits, 'a');
      await admitted(limits, 'b', { about: { requestId: 'x', gatewayId: 'g', namespaceId: 'other' } });
      await store.renew([{ held, outputSoFar: 12 }], 30_000);
      const { inFlight, inFlightTotal } = await store.running('n');
      expect(inFlightTotal).toBe(1);
      expect(inFlight[0]).toMatchObject({
        requestId: 'req-a',
        inputTokens: 18,
        outputTokensSoFar: 12,
        reservedOutputTokens: 50,
      });
    });

    describe('waiting', () => {
      const terms = { weight: 1, maxWaiting: 2 };
      const limits = limitsOf([{ kind: 'concurrency-limit', maxConcurrent: 1 }], {}, true);
      const of = (namespaceId: string, queue = terms) => ({
        queue,
        about: { requestId: 'r', gatewayId: 'g', namespaceId },
      });

      it('serves in the order of arrival, and nobody passes those who wait', async () => {
        const first = await admitted(limits, 'runs');
        expect((await refused(limits, 'w1', { queue: terms })).isWaiting).toBe(true);
        expect((await refused(limits, 'w2', { queue: terms })).isWaiting).toBe(true);
        expect((await refused(limits, 'w3', { queue: terms })).isWaiting).toBe(false);
        await store.settle(first, NOTHING);
        await refused(limits, 'newcomer');
        await refused(limits, 'w2', { queue: terms });
        const second = await admitted(limits, 'w1', { queue: terms });
        await store.settle(second, NOTHING);
        await admitted(limits, 'w2', { queue: terms });
        expect((await store.running('n')).waiting).toBe(0);
      });

      it('frees the place of one that leaves, and of one that is not heard of any more', async () => {
        const first = await admitted(limits, 'runs');
        await refused(limits, 'leaves', { queue: terms });
        await refused(limits, 'vanishes', { queue: terms });
        await store.leave(limits, 'leaves');
        await store.settle(first, NOTHING);
        await refused(limits, 'newcomer');
        under.wait(5_000);
        await admitted(limits, 'newcomer');
      });

      it('serves namespaces by weight', async () => {
        let held = await admitted(limits, 'runs');
        const heavy = { weight: 3, maxWaiting: 100 };
        const light = { ...heavy, weight: 1 };
        const waiters = Array.from({ length: 12 }, (_, index) => [
          { id: `a${index}`, ...of('a', heavy) },
          { id: `b${index}`, ...of('b', light) },
        ]).flat();
        for (const { id, ...fields } of waiters) await refused(limits, id, fields);
        const served: string[] = [];
        for (let turn = 0; turn < 12; turn++) {
          await store.settle(held, NOTHING);
          for (const { id, ...fields } of waiters.filter((waiter) => !served.includes(waiter.id))) {
            const decision = await store.reserve(limits, request(id, fields));
            if (decision.kind === 'refused') continue;
            held = decision.held;
            served.push(id);
          }
        }
        expect(served).toHaveLength(12);
        expect(served.filter((id) => id.startsWith('a'))).toHaveLength(9);
      });

      it('does not let two limits wait for each other in a circle', async () => {
        const [one, two] = limitsOf(
          [
            { kind: 'concurrency-limit', maxConcurrent: 1 },
            { kind: 'concurrency-limit', maxConcurrent: 1 },
          ],
          {},
          true,
        ) as [Limit, Limit];
        const heldOne = await admitted([one], 'one');
        const heldTwo = await admitted([two], 'two');
        await refused([one, two], 'x', { queue: terms });
        await refused([two, one], 'y', { queue: terms });
        await store.settle(heldOne, NOTHING);
        await store.settle(heldTwo, NOTHING);
        await refused([two, one], 'y', { queue: terms });
        const x = await admitted([one, two], 'x', { queue: terms });
        await store.settle(x, NOTHING);
        await admitted([two, one], 'y', { queue: terms });
      });
    });
  });
}

/** What clients notice of a decision. */
function facts(decision: LimitDecision) {
  const failures = decision.kind === 'refused' ? decision.failures : [];
  const waits = decision.kind === 'refused' && decision.isWaiting;
  const refusedBy = failures.map(({ limit, retryAfterMs }) => [limit.key, retryAfterMs]);
  return { kind: decision.kind, waits, refusedBy };
}
