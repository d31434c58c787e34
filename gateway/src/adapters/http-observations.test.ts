import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { eventually } from '../../test/support/test-gateway.ts';
import { startTokenService } from '../../test/support/token-service.ts';
import { httpObservations } from './http-observations.ts';

let service: Awaited<ReturnType<typeof startTokenService>>;
let observations: ReturnType<typeof httpObservations>;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  service = await startTokenService();
  observations = httpObservations({ url: service.url, outputShare: 0.5 });
});
afterEach(async () => {
  observations.close();
  vi.useRealTimers();
  await service.close();
});

const one = { model: 'm', direction: 'output', counted: 100, reported: 101, ratio: 1 } as const;

it('sends every 5 s what has been noted, and nothing when nothing has', async () => {
  observations.note(one);
  observations.note({ ...one, direction: 'input' });
  vi.advanceTimersByTime(4_999);
  expect(service.calls).toEqual([]);
  vi.advanceTimersByTime(1);
  await eventually(() => service.observations.length === 1);
  expect(service.observations).toEqual([[one, { ...one, direction: 'input' }]]);
  vi.advanceTimersByTime(10_000);
  observations.note(one);
  vi.advanceTimersByTime(5_000);
  await eventually(() => service.observations.length === 2);
  expect(service.calls).toHaveLength(2);
});

it('sends at most 1,000 and forgets the rest', async () => {
  for (let index = 0; index < 1_500; index++) observations.note(one);
  vi.advanceTimersByTime(5_000);
  await eventually(() => service.observations.length === 1);
  expect(service.observations[0]).toHaveLength(1_000);
});

it('forgets what the token service does not take', async () => {
  service.broken.add('observations');
  observations.note(one);
  vi.advanceTimersByTime(5_000);
  await eventually(() => service.calls.length === 1);
  service.broken.clear();
  observations.note({ ...one, counted: 7 });
  vi.advanceTimersByTime(5_000);
  await eventually(() => service.observations.length === 1);
  expect(service.observations).toEqual([[{ ...one, counted: 7 }]]);
});
