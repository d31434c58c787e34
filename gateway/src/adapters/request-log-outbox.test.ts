import type { RequestLogRecord } from '@ai-gateway/contracts';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { NO_USAGE } from '../domain/outcome.ts';
import type { RequestRecord } from '../services.ts';
import { requestLogOutbox } from './request-log-outbox.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const record = (requestId: string): RequestRecord => ({
  requestId,
  method: 'POST',
  url: '/v1/chat/completions?secret=1',
  arrivedAtMs: 1_700_000_000_000,
  namespaceId: 'n1',
  namespace: 'shop',
  virtualKeyId: undefined,
  requestedModel: 'm',
  resolvedModel: 'm',
  modelLabel: 'm',
  provider: undefined,
  upstreamId: undefined,
  providerKeyId: undefined,
  isStream: false,
  attempts: 0,
  revision: 1,
  durationMs: 5,
  firstByteMs: undefined,
  overheadMs: undefined,
  bytesIn: undefined,
  bytesOut: undefined,
  refusedByPolicyIds: [],
  observedPolicyIds: [],
  outcome: { kind: 'refused', status: 429, errorCode: 'rate_limit_exceeded', usage: NO_USAGE },
  internal: 'for the log of the gateway only',
  matcherId: undefined,
  matched: undefined,
  facts: undefined,
  kind: undefined,
  clientMaxTokens: undefined,
  choices: 1,
  demand: undefined,
  outputCap: undefined,
  charge: undefined,
  waitedMs: 0,
});

/** An outbox to a config center that a test can take away. */
function outboxOf(capacity: number) {
  const told: RequestLogRecord[] = [];
  const counted = { shipped: 0, dropped: 0 };
  const center = { isAway: false, calls: 0 };
  let id = 0;
  const outbox = requestLogOutbox({
    gatewayId: 'g',
    capacity,
    periodMs: 100,
    newId: () => `r${id++}`,
    metrics: {
      requestLog: (result, records) => {
        counted[result] += records;
      },
    },
    async ship(records) {
      center.calls++;
      if (center.isAway) throw new Error('away');
      told.push(...records);
    },
  });
  return { outbox, told, counted, center };
}

it('tells what it has been given, in order, without query, internal reason or empty fields', async () => {
  const { outbox, told, counted } = outboxOf(1_000);
  for (let count = 0; count < 450; count++) outbox.note(record(`q${count}`));
  await vi.advanceTimersByTimeAsync(100);
  expect(told.map(({ requestId }) => requestId)).toEqual(Array.from({ length: 450 }, (_, index) => `q${index}`));
  expect(counted).toEqual({ shipped: 450, dropped: 0 });
  expect(outbox.waiting()).toBe(0);
  expect(told[0]).toMatchObject({ path: '/v1/chat/completions', namespaceId: 'n1', errorCode: 'rate_limit_exceeded' });
  expect(JSON.stringify(told)).not.toMatch(/secret|gateway only|virtualKeyId/);
});

it('tells a batch that failed again under the same ids, and asks less often meanwhile', async () => {
  const { outbox, told, center } = outboxOf(1_000);
  center.isAway = true;
  outbox.note(record('a'));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(center.calls).toBeLessThan(15);
  center.isAway = false;
  await vi.advanceTimersByTimeAsync(3_000);
  expect(told.map(({ recordId, requestId }) => [recordId, requestId])).toEqual([['r0', 'a']]);
});

it('drops the oldest beyond its capacity, and counts them', async () => {
  const { outbox, told, counted, center } = outboxOf(100);
  center.isAway = true;
  for (let count = 0; count < 1_000; count++) outbox.note(record(`q${count}`));
  expect(outbox.waiting()).toBeLessThan(111);
  center.isAway = false;
  await vi.advanceTimersByTimeAsync(5_000);
  expect(told.at(-1)?.requestId).toBe('q999');
  expect(counted.shipped + counted.dropped).toBe(1_000);
  expect(told).toHaveLength(counted.shipped);
});

it('tells the rest when the gateway stops', async () => {
  const { outbox, told } = outboxOf(100);
  outbox.note(record('last'));
  await outbox.close();
  expect(told).toHaveLength(1);
});
