import { inspect as inspectDeeply, isDeepStrictEqual } from 'node:util';
import { policyShape } from '@ai-gateway/contracts';
import { type Held, type Limit, planPolicies } from '@ai-gateway/limits';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { memoryLimitStore } from '../../src/adapters/memory-limit-store.ts';
import { redisKeys } from '../../src/adapters/redis/keys.ts';
import { RedisLimitStore } from '../../src/adapters/redis/redis-limit-store.ts';
import type { LimitStore } from '../../src/services.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { seededRandom } from '../support/seeded-random.ts';

/** Sequences of random operations; each runs every script, on the real Redis and on the TypeScript reference. */
const SEQUENCES = Number(process.env.SCRIPT_SEQUENCES || 100_000);
const STEPS = 8;
/** Sequences that run at a time, each on counters of its own: their commands share round trips. */
const LANES = 64;

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.close());

it(`answers as the reference does in ${SEQUENCES.toLocaleString('en')} random sequences`, {
  timeout: 600_000,
}, async () => {
  const seed = Number(process.env.SEED || 1);
  const first = Number(process.env.FIRST_SEQUENCE || 0);
  let next = first;
  await Promise.all(
    Array.from({ length: LANES }, async (_, lane) => {
      const client = new Redis(server.port, '127.0.0.1', { enableAutoPipelining: true });
      for (let sequence = next++; sequence < first + SEQUENCES; sequence = next++) {
        await runSequence(client, { seed: seed * 1_000_003 + sequence, lane });
      }
      client.disconnect();
    }),
  );
});

async function runSequence(client: Redis, { seed, lane }: { seed: number; lane: number }): Promise<void> {
  const random = seededRandom(seed);
  let nowUs = 1_700_000_000_000_000 + Math.floor(random() * 1e9);
  const clockUs = () => nowUs;
  const prefix = `${lane}s${seed}`;
  const limits = randomLimits(random, prefix);
  const shared = new RedisLimitStore({
    client,
    tag: prefix,
    gatewayId: 'g',
    newEpoch: () => 'e',
    nowMs: () => 0,
    timeoutMs: 1e9,
    onDataLost: () => {},
    clockUs,
  });
  const reference = memoryLimitStore(clockUs);
  const steps: string[] = [];
  const state = { random, limits, helds: new Map<string, Held>(), prefix };
  try {
    for (let step = 0; step < STEPS; step++) {
      nowUs += jump(random);
      const operate = randomOperation(state);
      steps.push(`+${nowUs} ${operate.name}`);
      const [actual, wanted] = await Promise.all([operate.on(shared), operate.on(reference)]);
      if (!isDeepStrictEqual(actual, wanted)) throw new Error(`${inspect(actual)}\n≠ ${inspect(wanted)}`);
      operate.after?.(wanted);
    }
    expect(await shared.status(limits)).toEqual(await reference.status(limits));
  } catch (error) {
    throw new Error(`seed ${seed}, ${inspect(limits)}:\n${steps.join('\n')}\n${(error as Error).message}`);
  }
  const keys = redisKeys(prefix);
  const { leases, reservations, queue, tickets, gateways } = keys;
  const counters = limits.flatMap(({ key }) => [keys.counter(key), keys.lineOf(key)]);
  await client.unlink(leases, reservations, queue, tickets, gateways, ...counters);
}

const inspect = (value: unknown) => inspectDeeply(value, { depth: 6, breakLength: 160 });

/** Mostly small steps; sometimes beyond a lease or a window, sometimes back. */
function jump(random: () => number): number {
  const kind = random();
  if (kind < 0.7) return Math.floor(random() * 200_000);
  if (kind < 0.9) return Math.floor(random() * 5_000_000);
  if (kind < 0.97) return Math.floor(random() * 60_000_000);
  return -Math.floor(random() * 30_000_000);
}

function randomLimits(random: () => number, prefix: string): readonly Limit[] {
  const between = (low: number, high: number) => low + Math.floor(random() * (high - low + 1));
  const seconds = () => [1, 2, 10, 60][between(0, 3)];
  const rules = [
    () => ({
      kind: 'qps-limit',
      maxQps: between(1, 4),
      windowSeconds: between(1, 2),
      ...(random() < 0.3 && { burst: between(1, 3) }),
    }),
    () => ({ kind: 'concurrency-limit', maxConcurrent: between(1, 3) }),
    () => ({ kind: 'request-limit', windows: [{ windowSeconds: seconds(), maxRequests: between(1, 4) }] }),
    () => ({
      kind: 'token-limit',
      windows: (['total', 'input', 'output'] as const)
        .filter(() => random() < 0.5)
        .map((counts) => ({ windowSeconds: seconds(), maxTokens: between(1, 300), counts })),
      maxOutputTokens: 1,
    }),
    () => ({ kind: 'budget-limit', windows: [{ windowSeconds: seconds(), maxAmount: `0.000${between(1, 999)}` }] }),
  ];
  const policies = rules
    .filter(() => random() < 0.6)
    .map((rule, index) =>
      policyShape.parse({
        id: `${prefix}p${index}`,
        name: 'p',
        mode: random() < 0.15 ? 'observe' : 'enforce',
        rule: rule(),
      }),
    );
  return planPolicies(policies, random() < 0.4).map(({ limit }) => limit);
}

interface Operation {
  readonly name: string;
  on(store: LimitStore): Promise<unknown>;
  after?(result: unknown): void;
}

interface SequenceState {
  readonly random: () => number;
  readonly limits: readonly Limit[];
  readonly helds: Map<string, Held>;
  readonly prefix: string;
}

function randomOperation({ random, limits, helds, prefix }: SequenceState): Operation {
  const between = (low: number, high: number) => low + Math.floor(random() * (high - low + 1));
  const id = `${prefix}r${between(0, 4)}`;
  const known = helds.get(id);
  // Sometimes the caller does not know that an extension came through, or thinks that one did.
  const held = known && random() < 0.2 ? { ...known, outputTokens: between(0, 150) } : known;
  const kind = random();
  if (held === undefined || kind < 0.3) {
    const request = {
      reservationId: id,
      about: { requestId: id, gatewayId: 'g', namespaceId: `${prefix}n${between(0, 1)}`, model: 'm' },
      inputTokens: between(0, 120),
      outputTokens: between(0, 120),
      price: { input: '1500000000', output: '6000000000' },
      leaseMs: [1000, 3000][between(0, 1)] ?? 1000,
      ...(random() < 0.6 && {
        queue: { weight: between(1, 3), maxWaiting: between(1, 3) },
      }),
    };
    if (held === undefined && kind > 0.93) {
      return { name: `leave ${id}`, on: (store) => store.leave(limits, id) };
    }
    return {
      name: `reserve ${JSON.stringify(request)}`,
      on: (store) => store.reserve(limits, request),
      after(result) {
        const decision = result as Awaited<ReturnType<LimitStore['reserve']>>;
        if (decision.kind === 'admitted') helds.set(id, decision.held);
      },
    };
  }
  if (kind < 0.5) {
    const actual = { inputTokens: held.inputTokens, outputTokens: between(0, 200) };
    const voided = held.entries.filter(() => random() < 0.1).map(({ key }) => key);
    return {
      name: `settle ${id} ${JSON.stringify(actual)}`,
      on: (store) => store.settle(held, actual, voided),
      after: () => helds.delete(id),
    };
  }
  if (kind < 0.68) {
    const output = held.outputTokens + between(0, 80);
    const isForced = random() < 0.3;
    return {
      name: `extend ${id} to ${output} ${isForced}`,
      on: (store) => store.extend(held, output, isForced),
      after(result) {
        if (result === 'granted') helds.set(id, { ...held, outputTokens: Math.max(output, known?.outputTokens ?? 0) });
      },
    };
  }
  if (kind < 0.86) {
    const running = [...helds.values()].map((one) => ({ held: one, outputSoFar: between(0, 50) }));
    return { name: `renew ${running.length}`, on: (store) => store.renew(running, 2000) };
  }
  if (kind < 0.94) {
    const counted = random() < 0.5 ? undefined : { inputTokens: held.inputTokens, outputTokens: 0 };
    const outputSoFar = between(0, 60);
    return { name: `adopt ${id}`, on: (store) => store.adopt([{ held, counted, outputSoFar }], 2000) };
  }
  if (kind < 0.97) return { name: 'reap', on: (store) => store.reap(2_000) };
  return { name: 'running', on: (store) => store.running(held.about.namespaceId) };
}
