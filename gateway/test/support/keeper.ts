import { randomUUID } from 'node:crypto';
import type { Limit, LimitDecision } from '@ai-gateway/limits';
import { memoryLimitStore } from '../../src/adapters/memory-limit-store.ts';
import { COMMAND_TIMEOUT_MS, connectRedis } from '../../src/adapters/redis/connection.ts';
import { RedisLimitStore } from '../../src/adapters/redis/redis-limit-store.ts';
import { LimitKeeper } from '../../src/limits/limit-keeper.ts';
import type { LimiterEvent } from '../../src/services.ts';

/** The limits of one gateway over Redis, wired as `main.ts` does, and what they told. */
export interface KeeperUnderTest {
  readonly limits: LimitKeeper;
  readonly events: LimiterEvent[];
  /** Takes limits for a request with a name; ids are made unique. */
  take(limits: readonly Limit[], fields?: Partial<TakeFields>): Promise<LimitDecision>;
  close(): Promise<void>;
}

interface TakeFields {
  readonly reservationId: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly namespaceId: string;
  readonly maxWaitMs: number;
  readonly signal: AbortSignal;
}

const nowMs = () => performance.timeOrigin + performance.now();
const quiet = { warn: () => {}, info: () => {}, error: () => {} };

export async function startKeeper(
  url: string,
  {
    leaseMs = 3_000,
    isCluster = false,
    fleetSize = 1,
  }: { readonly leaseMs?: number; readonly isCluster?: boolean; readonly fleetSize?: number } = {},
): Promise<KeeperUnderTest> {
  const events: LimiterEvent[] = [];
  const gatewayId = randomUUID();
  const redis = connectRedis(new URL(url), isCluster, quiet);
  const shared: RedisLimitStore = new RedisLimitStore({
    client: redis.client,
    tag: 'gw',
    gatewayId,
    newEpoch: randomUUID,
    nowMs,
    timeoutMs: COMMAND_TIMEOUT_MS,
    onDataLost: () => void limits.dataLost(),
  });
  const limits = new LimitKeeper({
    local: memoryLimitStore(() => Math.floor(nowMs() * 1000)),
    shared,
    leaseMs,
    fleetSize: () => fleetSize,
    nowMs,
    random: Math.random,
    log: quiet,
    onEvent: (event) => events.push(event),
  });
  await redis.ready(2_000);
  await redis.check();
  // What failed before there was a connection is not what tests are about.
  events.length = 0;
  return {
    limits,
    events,
    take(plan, { namespaceId = 'n', maxWaitMs = 0, signal = new AbortController().signal, ...fields } = {}) {
      const about = { requestId: 'r', gatewayId, namespaceId };
      const queue = { weight: 1, maxWaiting: 1_000 };
      const request = { reservationId: randomUUID(), about, inputTokens: 10, outputTokens: 10, queue, ...fields };
      return limits.take(plan, request, { maxWaitMs, signal });
    },
    async close() {
      await limits.close();
      redis.close();
    },
  };
}
