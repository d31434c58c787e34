import { setTimeout as sleep } from 'node:timers/promises';
import type { Limit, LimitDecision } from '@ai-gateway/limits';
import { afterEach, describe, expect, it } from 'vitest';
import { limitsOf } from '../../../limits/test/support/limits.ts';
import { checkServer } from '../../src/adapters/redis/connection.ts';
import { LimiterUnavailable } from '../../src/services.ts';
import { type KeeperUnderTest, startKeeper } from '../support/keeper.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';

const closers: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface SetUpOptions {
  readonly redisOptions?: readonly string[];
  readonly patient?: boolean;
}

/** `patient` gateways wait long for a Redis that is well, so that a busy machine changes nothing. */
async function setUp(gateways = 1, { redisOptions = [], patient = false }: SetUpOptions = {}) {
  const server = await startRedis(redisOptions);
  closers.push(server.close);
  const keepers: KeeperUnderTest[] = [];
  for (let count = 0; count < gateways; count++) {
    const keeper = await startKeeper(server.url, patient ? { timeoutMs: 5_000 } : {});
    closers.push(keeper.close);
    keepers.push(keeper);
  }
  // Every gateway has said that it lives, and knows of the others.
  await sleep(700);
  return { server, keepers, keeper: keepers[0] as KeeperUnderTest };
}

const SLOTS = { kind: 'concurrency-limit', maxConcurrent: 6 };
const WINDOW = { kind: 'token-limit', windows: [{ windowSeconds: 3600, maxTokens: 600 }] };

const used = async ({ limits }: KeeperUnderTest, plan: readonly Limit[]) =>
  (await limits.report('n', plan)).limits.map(({ current }) => current);

/** Waits for a state, longer than it may take on a busy machine. */
async function until(holds: () => Promise<boolean> | boolean, withinMs = 20_000): Promise<number> {
  const startedMs = performance.now();
  while (!(await holds())) {
    if (performance.now() - startedMs > withinMs) throw new Error(`not within ${withinMs} ms`);
    await sleep(20);
  }
  return performance.now() - startedMs;
}

/** Takes the plan so many times and returns how many were admitted and how long the slowest took. */
async function burst(keeper: KeeperUnderTest, plan: readonly Limit[], count: number) {
  let slowestMs = 0;
  const decisions: LimitDecision[] = [];
  for (let index = 0; index < count; index++) {
    const startedMs = performance.now();
    decisions.push(await keeper.take(plan));
    slowestMs = Math.max(slowestMs, performance.now() - startedMs);
  }
  return { admitted: decisions.filter(({ kind }) => kind === 'admitted'), slowestMs };
}

const idsOf = (decisions: readonly LimitDecision[]) =>
  decisions.flatMap((decision) => (decision.kind === 'admitted' ? [decision.held.reservationId] : []));

describe.each([
  ['killed', (server: RedisServer) => server.kill('SIGKILL')],
  ['stopped', (server: RedisServer) => server.kill('SIGSTOP')],
])('while Redis is %s', (how, harm) => {
  it('each policy goes on by its onLimiterDown, within 150 ms, and afterwards everything is counted', async () => {
    const { server, keepers, keeper } = await setUp(3, {
      redisOptions: ['--appendonly', 'yes', '--appendfsync', 'always'],
    });
    const local = limitsOf([SLOTS, WINDOW]);
    const before = await keeper.take(local);
    await harm(server);

    const closed = limitsOf([SLOTS], { id: 'closed', onLimiterDown: 'closed' });
    await expect(keeper.take(closed)).rejects.toThrow(LimiterUnavailable);
    const open = limitsOf([{ kind: 'concurrency-limit', maxConcurrent: 1 }], { id: 'open', onLimiterDown: 'open' });
    expect((await burst(keeper, open, 5)).admitted).toHaveLength(5);

    // Three gateways with six slots: two each, together six, beside what Redis had admitted.
    const bursts = await Promise.all(keepers.map((one) => burst(one, local, 5)));
    expect(bursts.map(({ admitted }) => admitted.length)).toEqual([2, 2, 2]);
    // Bound by 150 ms; the machine may be busy with other work.
    expect(Math.max(...bursts.map(({ slowestMs }) => slowestMs))).toBeLessThan(600);
    expect(keeper.events).toContainEqual({ kind: 'down' });

    // One of them ends while nobody listens, one goes on.
    const [ends] = idsOf(bursts[0]?.admitted ?? []);
    await keeper.limits.settle(ends ?? '', { inputTokens: 10, outputTokens: 2 });
    await keeper.limits.settle(idsOf([before])[0] ?? '', { inputTokens: 10, outputTokens: 3 });

    if (how === 'killed') await server.restart();
    else await server.kill('SIGCONT');
    await until(() => keepers.every(({ limits }) => !limits.isDown()));
    await until(async () => (await used(keeper, local))[0] === 5);
    // 10 + 2 and 10 + 3 that have ended, 5 x 20 that run.
    expect(await used(keeper, local)).toEqual([5, 125]);
    for (const [index, { admitted }] of bursts.entries()) {
      for (const id of idsOf(admitted)) await keepers[index]?.limits.settle(id, { inputTokens: 10, outputTokens: 10 });
    }
    await until(async () => (await used(keeper, local))[0] === 0);
  });
});

it('serves from the start when Redis is not there yet, and shares when it comes', async () => {
  const server = await startRedis();
  closers.push(server.close);
  await server.kill('SIGKILL');
  const keeper = await startKeeper(server.url);
  closers.push(keeper.close);
  const plan = limitsOf([SLOTS]);
  expect((await burst(keeper, plan, 7)).admitted).toHaveLength(6);
  await server.restart();
  await until(async () => (await keeper.limits.report('n', plan)).store === 'shared');
  await until(async () => (await used(keeper, plan))[0] === 6);
});

it('enters again what runs when the data is lost', async () => {
  const { server, keeper } = await setUp(1, { patient: true });
  const plan = limitsOf([SLOTS, WINDOW]);
  await burst(keeper, plan, 4);
  await server.client().flushall();
  await keeper.take(plan);
  await until(async () => (await used(keeper, plan))[0] === 5);
  expect(await used(keeper, plan)).toEqual([5, 100]);
});

it('does not notice that scripts are forgotten', async () => {
  const { server, keeper } = await setUp(1, { patient: true });
  const plan = limitsOf([{ kind: 'concurrency-limit', maxConcurrent: 1_000 }]);
  for (let round = 0; round < 20; round++) {
    await server.client().script('FLUSH');
    expect((await keeper.take(plan)).kind).toBe('admitted');
  }
  expect(keeper.events.filter(({ kind }) => kind === 'failed')).toEqual([]);
});

it('leaves nothing half done when memory is full, and still gives back', async () => {
  const { server, keeper } = await setUp();
  const plan = limitsOf([SLOTS, WINDOW]);
  const [first] = idsOf((await burst(keeper, plan, 1)).admitted);
  const admin = server.client();
  await admin.config('SET', 'maxmemory', '1mb');
  const { admitted } = await burst(keeper, plan, 6);
  expect(admitted.length).toBeGreaterThan(0);
  expect(keeper.events.some(({ kind }) => kind === 'degraded')).toBe(true);
  // The script for giving back may run even now, so the first one's slot is free in Redis.
  await keeper.limits.settle(first ?? '', { inputTokens: 10, outputTokens: 0 });
  await admin.config('SET', 'maxmemory', '0');
  await until(async () => (await keeper.limits.report('n', plan)).store === 'shared');
  await until(async () => (await used(keeper, plan))[0] === admitted.length);
});

it('treats a Redis that only reads as one that is away', async () => {
  const { server, keeper } = await setUp();
  const other = await startRedis();
  closers.push(other.close);
  await server.client().replicaof('127.0.0.1', String(other.port));
  const plan = limitsOf([SLOTS]);
  expect((await burst(keeper, plan, 7)).admitted).toHaveLength(6);
  await server.client().replicaof('NO', 'ONE');
  await until(async () => (await keeper.limits.report('n', plan)).store === 'shared');
});

it('does not admit what nobody waits for any more', async () => {
  const { server, keeper } = await setUp();
  const plan = limitsOf([SLOTS], { onLimiterDown: 'closed' });
  await keeper.take(plan);
  await server.kill('SIGSTOP');
  await Promise.allSettled(Array.from({ length: 5 }, () => keeper.take(plan)));
  await server.kill('SIGCONT');
  await until(async () => (await keeper.limits.report('n', plan)).store === 'shared');
  await until(async () => (await used(keeper, plan))[0] === 1);
});

it('frees what a vanished gateway held within the lease and a second', async () => {
  const { keepers } = await setUp(2, { patient: true });
  const [dies, lives] = keepers as [KeeperUnderTest, KeeperUnderTest];
  const plan = limitsOf([SLOTS]);
  await burst(dies, plan, 6);
  // Like kill -9: it neither settles nor renews.
  await dies.close();
  // A lease of 3 s, a second, and two for a busy machine.
  await until(async () => (await lives.limits.report('n', plan)).inFlightTotal === 0, 6_000);
  expect(await used(lives, plan)).toEqual([0]);
});

it('waits in one line over all gateways, first come first served', async () => {
  const { keepers } = await setUp(3, { patient: true });
  const plan = limitsOf([{ kind: 'concurrency-limit', maxConcurrent: 1 }], {}, true);
  const served: number[] = [];
  const first = await (keepers[0] as KeeperUnderTest).take(plan, { maxWaitMs: 60_000 });
  const waiting: Promise<void>[] = [];
  for (let index = 0; index < 9; index++) {
    const keeper = keepers[index % 3] as KeeperUnderTest;
    waiting.push(
      keeper.take(plan, { maxWaitMs: 60_000 }).then(async (decision) => {
        served.push(index);
        await keeper.limits.settle(idsOf([decision])[0] ?? '', { inputTokens: 0, outputTokens: 0 });
      }),
    );
    await until(async () => (await keeper.limits.report('n', plan)).waiting === index + 1);
  }
  await keepers[0]?.limits.settle(idsOf([first])[0] ?? '', { inputTokens: 0, outputTokens: 0 });
  await Promise.all(waiting);
  expect(served).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

it('frees the place of a waiting request whose client has left', async () => {
  const { keeper } = await setUp(1, { patient: true });
  const plan = limitsOf([{ kind: 'concurrency-limit', maxConcurrent: 1 }], {}, true);
  await keeper.take(plan);
  const leaving = new AbortController();
  const waits = keeper.take(plan, { maxWaitMs: 60_000, signal: leaving.signal });
  await until(async () => (await keeper.limits.report('n', plan)).waiting === 1);
  leaving.abort();
  expect((await waits).kind).toBe('refused');
  expect((await keeper.limits.report('n', plan)).waiting).toBe(0);
});

it('keeps its keys in one slot of a Redis Cluster', async () => {
  const server = await startRedis(['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1']);
  closers.push(server.close);
  const admin = server.client();
  await admin.cluster('ADDSLOTSRANGE', 0, 16_383);
  await until(async () => (await admin.cluster('INFO')).includes('cluster_state:ok'));
  const keeper = await startKeeper(server.url, { isCluster: true });
  closers.push(keeper.close);
  const plan = limitsOf([SLOTS, WINDOW, { kind: 'qps-limit', maxQps: 100 }], {}, true);
  const { admitted } = await burst(keeper, plan, 7);
  expect(admitted).toHaveLength(6);
  for (const id of idsOf(admitted)) await keeper.limits.settle(id, { inputTokens: 1, outputTokens: 1 });
  expect((await used(keeper, plan)).slice(0, 2)).toEqual([0, 12]);
  expect(keeper.events.filter(({ kind }) => kind === 'failed')).toEqual([]);
});

it('does not let an answer grow uncounted while Redis is away, nor ask again and again', async () => {
  const { server, keeper } = await setUp();
  const rule = { kind: 'token-limit', windows: [{ windowSeconds: 3600, maxTokens: 2_000 }] };
  const [local] = idsOf([await keeper.take(limitsOf([rule]))]);
  const [closed] = idsOf([await keeper.take(limitsOf([rule], { id: 'closed', onLimiterDown: 'closed' }))]);
  await server.kill('SIGSTOP');
  const startedMs = performance.now();
  for (const tokens of [900, 500, 300, 200, 100]) {
    expect(await keeper.limits.extend(closed ?? '', tokens)).toBe(false);
  }
  // One question that is not answered takes 70 ms, five would take 350.
  expect(performance.now() - startedMs).toBeLessThan(300);
  expect(await keeper.limits.extend(local ?? '', 100_000)).toBe(false);
  expect(await keeper.limits.extend(local ?? '', 1_500)).toBe(true);
  await server.kill('SIGCONT');
  await until(async () => (await used(keeper, limitsOf([rule])))[0] === 1_510);
  await keeper.limits.settle(local ?? '', { inputTokens: 10, outputTokens: 1_200 });
  expect(await used(keeper, limitsOf([rule]))).toEqual([1_210]);
});

it('counts what came after a request had been taken for dead', async () => {
  const { keepers } = await setUp(2, { patient: true });
  const [stalls, lives] = keepers as [KeeperUnderTest, KeeperUnderTest];
  const plan = limitsOf([SLOTS, WINDOW]);
  const [id] = idsOf([await stalls.take(plan)]);
  // It does not renew any more, as if it stood still, but it does end.
  await stalls.limits.close();
  await until(async () => (await lives.limits.report('n', plan)).inFlightTotal === 0);
  expect(await used(lives, plan)).toEqual([0, 10]);
  await stalls.limits.settle(id ?? '', { inputTokens: 10, outputTokens: 100 });
  expect(await used(lives, plan)).toEqual([0, 110]);
});

it('leaves no ghosts when the data is lost while many end', async () => {
  const { server, keeper } = await setUp(1, { patient: true });
  const plan = limitsOf([{ kind: 'concurrency-limit', maxConcurrent: 1_000 }]);
  const ids = idsOf((await burst(keeper, plan, 400)).admitted);
  await server.client().flushall();
  const next = keeper.take(plan);
  await Promise.all(ids.map((id) => keeper.limits.settle(id, { inputTokens: 0, outputTokens: 0 })));
  await keeper.limits.settle(idsOf([await next])[0] ?? '', { inputTokens: 0, outputTokens: 0 });
  await until(async () => (await used(keeper, plan))[0] === 0);
});

it('removes a reservation that it cannot read, and goes on', async () => {
  const { server, keeper } = await setUp(1, { patient: true });
  const admin = server.client();
  await admin.hset('{gw}:reservations', 'strange', 'of another version');
  await admin.zadd('{gw}:leases', 1, 'strange');
  await until(async () => (await admin.hget('{gw}:reservations', 'strange')) === null);
  expect((await keeper.limits.report('n', limitsOf([SLOTS]))).store).toBe('shared');
  expect(keeper.events.filter(({ kind }) => kind === 'failed')).toEqual([]);
});

it('frees thousands of reservations of a vanished gateway within the lease and a second', async () => {
  const { keepers } = await setUp(2, { patient: true });
  const [dies, lives] = keepers as [KeeperUnderTest, KeeperUnderTest];
  const plan = limitsOf([{ kind: 'concurrency-limit', maxConcurrent: 10_000 }]);
  await Promise.all(Array.from({ length: 2_000 }, () => dies.take(plan)));
  await dies.close();
  await until(async () => (await lives.limits.report('n', plan)).inFlightTotal === 0, 6_000);
});

it('takes its share from the start, when the config center knows of others', async () => {
  const server = await startRedis();
  closers.push(server.close);
  await server.kill('SIGKILL');
  const keeper = await startKeeper(server.url, { fleetSize: 3 });
  closers.push(keeper.close);
  expect((await burst(keeper, limitsOf([SLOTS]), 7)).admitted).toHaveLength(2);
});

it('does not admit a waiting request whose client has left', async () => {
  const { keepers } = await setUp(2, { patient: true });
  const [here, there] = keepers as [KeeperUnderTest, KeeperUnderTest];
  const plan = limitsOf([{ kind: 'concurrency-limit', maxConcurrent: 1 }], {}, true);
  const [id] = idsOf([await there.take(plan)]);
  const leaving = new AbortController();
  const waits = here.take(plan, { maxWaitMs: 60_000, signal: leaving.signal });
  await until(async () => (await here.limits.report('n', plan)).waiting === 1);
  const freed = there.limits.settle(id ?? '', { inputTokens: 0, outputTokens: 0 });
  leaving.abort();
  expect((await waits).kind).toBe('refused');
  await freed;
  expect(await used(here, plan)).toEqual([0]);
});

// docs/limits.md names these rights.
it('needs no more rights than those of its own keys', async () => {
  const server = await startRedis();
  closers.push(server.close);
  const rights = ['~{gw}:*', '-@all', '+@read', '+@write', '+@scripting', '-@dangerous', '+info', '+ping', '+time'];
  await server.client().acl('SETUSER', 'gateway', 'on', '>secret', ...rights);
  const keeper = await startKeeper(server.url.replace('redis://', 'redis://gateway:secret@'));
  closers.push(keeper.close);
  const plan = limitsOf([SLOTS, WINDOW, { kind: 'qps-limit', maxQps: 100 }], {}, true);
  const { admitted } = await burst(keeper, plan, 7);
  expect(admitted).toHaveLength(6);
  for (const id of idsOf(admitted)) await keeper.limits.settle(id, { inputTokens: 1, outputTokens: 1 });
  expect((await keeper.limits.report('n', plan)).store).toBe('shared');
  expect(keeper.events.filter(({ kind }) => kind === 'failed')).toEqual([]);
});

it('refuses a server that would forget counters, or is too old', async () => {
  const server = await startRedis(['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru']);
  closers.push(server.close);
  await expect(startKeeper(server.url)).rejects.toThrow(/maxmemory-policy noeviction/);
  expect(() => checkServer('redis_version:6.2.14\r\nmaxmemory:0\r\n')).toThrow(/6\.2\.14 is too old/);
});
