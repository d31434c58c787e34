import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import type { Held, Limit } from '@ai-gateway/limits';
import { memoryLimitStore } from '../gateway/src/adapters/memory-limit-store.ts';
import { connectRedis } from '../gateway/src/adapters/redis/connection.ts';
import { RedisLimitStore } from '../gateway/src/adapters/redis/redis-limit-store.ts';
import type { LimitStore } from '../gateway/src/services.ts';
import { type RedisClient, type RedisServer, startRedis } from '../gateway/test/support/redis.ts';
import { limitsOf, request } from '../limits/test/support/limits.ts';
import { median, percentile } from './figures.ts';

const DECISIONS = Number(process.env.BENCH_DECISIONS || 40_000);
/** Medians of so many batches: a busy machine disturbs some of them. */
const BATCHES = 10;
const AT_ONCE = 50;
const WARM_UP = 2_000;

const ROOMY = 1_000_000_000;
const RATE = { kind: 'qps-limit', maxQps: 1_000_000, burst: 1_000_000 };
const SLOTS = { kind: 'concurrency-limit', maxConcurrent: 1_000_000 };
const TOKENS = { kind: 'token-limit', windows: [{ windowSeconds: 3600, maxTokens: ROOMY }] };
const REQUESTS = { kind: 'request-limit', windows: [{ windowSeconds: 60, maxRequests: ROOMY }] };

/** Plans by what they hold; "four" is the one that the target names. */
const PLANS: Readonly<Record<string, readonly Limit[]>> = {
  'no policy': [],
  rate: limitsOf([RATE]),
  concurrency: limitsOf([SLOTS]),
  'token window': limitsOf([TOKENS]),
  'four: rate, concurrency, two windows': limitsOf([RATE, SLOTS, TOKENS, REQUESTS]),
  'four, with a line to wait in': limitsOf([RATE, SLOTS, TOKENS, REQUESTS], {}, true),
  'eight policies': limitsOf([RATE, SLOTS, TOKENS, REQUESTS, RATE, SLOTS, TOKENS, REQUESTS]),
};

const run = promisify(execFile);
const nowMs = () => performance.timeOrigin + performance.now();
const quiet = { warn: () => {}, error: () => {} };

/** What a decision costs: Redis's own time, the gateway's CPU, the added latency, and the same without Redis. */
export async function benchLimits(): Promise<void> {
  const server = await startRedis();
  try {
    await pin(server);
    const admin = server.client();
    print('Limits shared over Redis', [
      '| plan | Redis µs/decision | Redis µs/settlement | hop p50 µs | hop p99 µs | gateway CPU µs/request | decisions/s, one gateway |',
      '|---|--:|--:|--:|--:|--:|--:|',
    ]);
    await measureBaseline(admin);
    for (const [name, limits] of Object.entries(PLANS)) await measureShared(name, limits, server, admin);
    await measureRefusals(server, admin);
  } finally {
    await server.close();
  }
  print('Limits of one process', ['| plan | µs/decision | µs/settlement |', '|---|--:|--:|']);
  for (const [name, limits] of Object.entries(PLANS)) await measureLocal(name, limits);
}

/** Redis alone on core 0, the gateway's side on core 1. */
async function pin(server: RedisServer): Promise<void> {
  await run('taskset', ['-apc', '0', String(server.pid())]);
  await run('taskset', ['-apc', '1', String(process.pid)]);
}

/** What Redis takes for the smallest write, to compare machines by. */
async function measureBaseline(admin: RedisClient): Promise<void> {
  await admin.config('RESETSTAT');
  for (let done = 0; done < DECISIONS; done += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => admin.set(`key${index}`, 'value')));
  }
  const info = await admin.info('commandstats');
  const us = Number(/cmdstat_set:.*?usec_per_call=([\d.]+)/.exec(info)?.[1] ?? Number.NaN);
  process.stdout.write(`| (a bare SET) | ${us.toFixed(1)} | | | | | |\n`);
}

async function storeOn({ url }: RedisServer) {
  const redis = connectRedis({ url: new URL(url), isCluster: false, timeoutMs: 10_000 }, quiet);
  await redis.ready(2_000);
  const store = new RedisLimitStore({
    client: redis.client,
    tag: 'gw',
    gatewayId: 'bench',
    newEpoch: randomUUID,
    nowMs,
    timeoutMs: 10_000,
    onDataLost: () => {},
  });
  return { store, close: redis.close };
}

async function measureShared(name: string, limits: readonly Limit[], server: RedisServer, admin: RedisClient) {
  await admin.flushall();
  const { store, close } = await storeOn(server);
  await settleAll(store, await reserveMany(store, limits, WARM_UP));
  const alone = await latencies(store, limits, 2_000);

  const batches: Batch[] = [];
  for (let count = 0; count < BATCHES; count++) batches.push(await measureBatch(store, limits, admin));
  const medianOf = (figure: keyof Batch) => median(batches.map((batch) => batch[figure]));
  const figures = [
    medianOf('reserveUs').toFixed(1),
    medianOf('settleUs').toFixed(1),
    (percentile(alone, 0.5) * 1000).toFixed(0),
    (percentile(alone, 0.99) * 1000).toFixed(0),
    medianOf('cpuUs').toFixed(0),
    medianOf('perSecond').toFixed(0),
  ];
  process.stdout.write(`| ${name} | ${figures.join(' | ')} |\n`);
  close();
}

interface Batch {
  readonly reserveUs: number;
  readonly settleUs: number;
  readonly cpuUs: number;
  readonly perSecond: number;
}

async function measureBatch(store: LimitStore, limits: readonly Limit[], admin: RedisClient): Promise<Batch> {
  const count = Math.floor(DECISIONS / BATCHES);
  await admin.config('RESETSTAT');
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  const helds = await reserveMany(store, limits, count);
  const perSecond = (count / (performance.now() - startedMs)) * 1000;
  const reserveUs = await scriptUs(admin);
  await admin.config('RESETSTAT');
  await settleAll(store, helds);
  const settleUs = await scriptUs(admin);
  const { user, system } = process.cpuUsage(cpu);
  return { reserveUs, settleUs, cpuUs: (user + system) / count, perSecond };
}

/** A refusal by the window has to find out when there is room again. */
async function measureRefusals(server: RedisServer, admin: RedisClient): Promise<void> {
  await admin.flushall();
  const { store, close } = await storeOn(server);
  const limits = limitsOf([
    RATE,
    SLOTS,
    { kind: 'token-limit', windows: [{ windowSeconds: 3600, maxTokens: 68 }] },
    REQUESTS,
  ]);
  await store.reserve(limits, request('fills'));
  await reserveMany(store, limits, WARM_UP);
  await admin.config('RESETSTAT');
  await reserveMany(store, limits, DECISIONS);
  process.stdout.write(`| four, refused by a window | ${(await scriptUs(admin)).toFixed(1)} | | | | | |\n`);
  close();
}

async function measureLocal(name: string, limits: readonly Limit[]): Promise<void> {
  const store = memoryLimitStore(() => Math.floor(nowMs() * 1000));
  await settleAll(store, await reserveMany(store, limits, WARM_UP));
  const startedMs = performance.now();
  const helds = await reserveMany(store, limits, DECISIONS);
  const reservedMs = performance.now();
  await settleAll(store, helds);
  const us = (ms: number) => ((ms * 1000) / DECISIONS).toFixed(2);
  process.stdout.write(`| ${name} | ${us(reservedMs - startedMs)} | ${us(performance.now() - reservedMs)} |\n`);
}

async function reserveMany(store: LimitStore, limits: readonly Limit[], count: number): Promise<readonly Held[]> {
  const helds: Held[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next++ < count) {
        const decision = await store.reserve(limits, request(randomUUID()));
        if (decision.kind === 'admitted') helds.push(decision.held);
      }
    }),
  );
  return helds;
}

async function settleAll(store: LimitStore, helds: readonly Held[]): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let held = helds[next++]; held !== undefined; held = helds[next++]) {
        await store.settle(held, { inputTokens: 18, outputTokens: 39 });
      }
    }),
  );
}

/** Time of one decision after the other, ms: what the hop adds to a request. */
async function latencies(store: LimitStore, limits: readonly Limit[], count: number): Promise<readonly number[]> {
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
    const startedMs = performance.now();
    const decision = await store.reserve(limits, request(randomUUID()));
    times.push(performance.now() - startedMs);
    if (decision.kind === 'admitted') await store.settle(decision.held, { inputTokens: 1, outputTokens: 1 });
  }
  return times.sort((left, right) => left - right);
}

/** Mean time that Redis spent on a script since the last reset, µs. */
async function scriptUs(admin: RedisClient): Promise<number> {
  const info = await admin.info('commandstats');
  return Number(/cmdstat_evalsha:.*?usec_per_call=([\d.]+)/.exec(info)?.[1] ?? Number.NaN);
}

function print(title: string, lines: readonly string[]): void {
  process.stdout.write(`\n${title}, ${DECISIONS} decisions, ${AT_ONCE} at a time\n\n${lines.join('\n')}\n`);
}
