import { emptyLimitState, type Limit, type LimitState, queuedKeys } from '@ai-gateway/limits';
import type { CountersCopy } from '../../services.ts';
import type { RedisKeys } from './keys.ts';
import type { RedisClient } from './scripts.ts';

/** Leases and tickets that are read one by one; of leases beyond them only the number counts. */
const LARGEST_COPY = 10_000;

const TO_END = String(LARGEST_COPY - 1);

/** Counters of some limits as Redis has them at one instant, in the form of the reference. Changes nothing. */
export async function copyCounters(
  client: RedisClient,
  at: RedisKeys,
  limits: readonly Limit[],
): Promise<CountersCopy> {
  const queued = queuedKeys(limits);
  const commands = client.multi().time().zrange(at.tickets, '0', TO_END, 'WITHSCORES');
  for (const { kind, key } of limits) {
    if (kind === 'requestRate') commands.get(at.counter(key));
    else if (kind === 'concurrency') {
      commands.zrange(at.counter(key), '0', TO_END, 'WITHSCORES');
      commands.zcard(at.counter(key));
    } else commands.hgetall(at.counter(key));
  }
  for (const key of queued) commands.zrange(at.lineOf(key), '0', TO_END, 'WITHSCORES');
  const results = ((await commands.exec()) ?? []).map(([error, value]) => {
    if (error !== null) throw error;
    return value;
  });
  const next = () => results.shift();
  const [seconds, micros] = next() as [string, string];
  const nowUs = Number(seconds) * 1_000_000 + Number(micros);
  const state = emptyLimitState();
  for (const [id, expiresAtMs] of scoresOf(next())) {
    state.queue.tickets.set(id, { order: 0, namespaceId: '', expiresAtMs });
  }
  for (const limit of limits) readCounter(state, limit, next);
  for (const key of queued) state.queue.lines.set(key, new Map(scoresOf(next())));
  return { state, nowUs };
}

function readCounter(state: LimitState, { kind, key }: Limit, next: () => unknown): void {
  switch (kind) {
    case 'requestRate':
      state.rates.set(key, Number(next() ?? 0));
      return;
    case 'concurrency': {
      const leases = new Map(scoresOf(next()));
      const count = Number(next());
      for (let index = leases.size; index < count; index++) leases.set(`#${index}`, Number.MAX_SAFE_INTEGER);
      state.leases.set(key, leases);
      return;
    }
    case 'window': {
      const { s = '0', l = '0', h = '0', i, u, ...buckets } = next() as Record<string, string>;
      state.windows.set(key, {
        amounts: new Map(Object.entries(buckets).map(([bucket, amount]) => [Number(bucket), Number(amount)])),
        sum: Number(s),
        lowest: Number(l),
        highest: Number(h),
        folded: i === undefined || u === undefined ? undefined : { into: Number(i), to: Number(u) },
      });
      return;
    }
    default:
      kind satisfies never;
  }
}

/** Members with their scores, of a reply of ZRANGE. */
function scoresOf(reply: unknown): (readonly [string, number])[] {
  const flat = reply as string[];
  return Array.from({ length: flat.length / 2 }, (_, index) => [flat[2 * index] ?? '', Number(flat[2 * index + 1])]);
}
