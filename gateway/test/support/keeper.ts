import { randomUUID } from 'node:crypto';
import type { Limit, LimitDecision } from '@ai-gateway/limits';
import { memoryLimitStore } from '../../src/adapters/memory-limit-store.ts';
import { connectRedis } from '../../src/adapters/redis/connection.ts';
import { RedisLimitStore } from '../../src/adapters/redis/redis-limit-store.ts';
import { LimitKeeper } from '../../src/limits/limit-keeper.ts';
import type { LimiterEvent } from '../../src/services.ts';
import { settingsShape } from '../../src/settings.ts';

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

interface KeeperOptions {
  readonly leaseMs?: number;
  readonly isCluster?: boolean;
  readonly fleetSize?: number;
  readonly timeoutMs?: number;
}

/** As gateways have it unless they are told otherwise. */
const TIMEOUT_MS = settingsShape.shape.LIMIT_STORE_TIMEOUT_MS.parse(undefined);

export async function startKeeper(
  url: string,
  { leaseMs = 3_000, isCluster = false, fleetSize = 1, timeoutMs = TIMEOUT_MS }: KeeperOptions = {},
): Promise<KeeperUnderTest> {
  const events: LimiterEvent[] = [];
  const gatewayId = randomUUID();
  const redis = connectRedis({ url: new URL(url), isCluster, timeoutMs }, quiet);
  const shared: RedisLimitStore = new RedisLimitStore({
    client: redis.client,
    tag: 'gw',
    gatewayId,
    newEpoch: randomUUID,
    nowMs,
    timeoutMs,
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
