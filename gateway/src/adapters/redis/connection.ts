import { Cluster, Redis } from 'ioredis';
import type { Log } from '../../services.ts';
import { redisKeys } from './keys.ts';
import type { RedisClient } from './scripts.ts';

const OLDEST_VERSION = 7;

const INFO_TRIES = 10;

/** A connection and what is known of its server. */
export interface RedisConnection {
  readonly client: RedisClient;
  /**
   * Refuses a server that would count wrongly. A server that cannot be reached is not refused: the gateway serves
   * without it and looks again when it comes.
   * @throws Error that names what to change
   */
  check(): Promise<void>;
  /** Waits for the connection, at most so long; never rejects. */
  ready(patienceMs: number): Promise<void>;
  close(): void;
}

export interface RedisAddress {
  readonly url: URL;
  /** Talk to a Redis Cluster, through any of its nodes. */
  readonly isCluster: boolean;
  /** A command that is not answered by then counts as failed; it may still be carried out, see `notAfterMs` of reserve.lua. */
  readonly timeoutMs: number;
}

/** Connects in the background. */
export function connectRedis(address: RedisAddress, log: Pick<Log, 'warn' | 'error'>): RedisConnection {
  const client = openClient(address);
  let said = '';
  client.on('error', (error: Error) => {
    // ioredis reports every attempt; the same reason is told once until something else happens.
    if (error.message === said) return;
    said = error.message;
    log.warn({ error: error.message }, 'redis connection');
  });
  client.on('ready', () => {
    said = '';
    check().catch((error: Error) => log.error({ error: error.message }, 'redis is not fit for limits'));
  });

  async function check(): Promise<void> {
    const node = client instanceof Cluster ? client.nodes('master')[0] : client;
    if (node === undefined || node.status !== 'ready') return;
    const info = await infoOf(node);
    if (info === undefined) return;
    checkServer(info);
    if (client instanceof Cluster) await checkSlots(node);
  }

  async function ready(patienceMs: number): Promise<void> {
    if (client.status === 'ready') return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, patienceMs);
      client.once('ready', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  return { client, check, ready, close: () => client.disconnect() };
}

/** A connection that is opened in the background and again whenever it is lost. */
export function openClient({ url, isCluster, timeoutMs }: RedisAddress): RedisClient {
  const options = { ...OPTIONS, commandTimeout: timeoutMs };
  return isCluster ? clusterAt(url, options) : new Redis(url.href, options);
}

const OPTIONS = {
  connectTimeout: 1_000,
  maxRetriesPerRequest: 0,
  // A request that would wait for a connection is better decided by its policies.
  enableOfflineQueue: false,
  enableAutoPipelining: true,
  // Who subscribes does so whenever the connection is ready; by itself ioredis leaves a refusal to nobody.
  autoResubscribe: false,
  retryStrategy: (attempt: number) => Math.min(1_000, 50 * 2 ** Math.min(attempt, 5)) * (0.8 + 0.4 * Math.random()),
};

function clusterAt(url: URL, options: typeof OPTIONS & { readonly commandTimeout: number }): Cluster {
  const node = { host: url.hostname, port: Number(url.port || 6379) };
  // A node is connected when its first command comes, so that one has to wait; at most as long as any command.
  const { retryStrategy: _, enableOfflineQueue: __, enableAutoPipelining: ___, ...redisOptions } = options;
  return new Cluster([node], {
    redisOptions: {
      ...redisOptions,
      ...(url.username !== '' && { username: decodeURIComponent(url.username) }),
      ...(url.password !== '' && { password: decodeURIComponent(url.password) }),
      ...(url.protocol === 'rediss:' && { tls: {} }),
    },
    enableOfflineQueue: false,
    enableAutoPipelining: true,
  });
}

/** A server that is busy for a moment, as with very long rules, is asked again; one that stays silent is not judged. */
async function infoOf(node: Redis): Promise<string | undefined> {
  for (let attempt = 0; attempt < INFO_TRIES; attempt++) {
    const info = await node.info().catch(() => undefined);
    if (info !== undefined) return info;
  }
  return undefined;
}

/** @throws Error when the server's version or its eviction would make counters wrong */
export function checkServer(info: string): void {
  const of = (name: string) => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1] ?? '';
  const version = of('redis_version');
  if (Number.parseInt(version, 10) < OLDEST_VERSION) {
    throw new Error(`Redis ${version} is too old: limits need version ${OLDEST_VERSION} or newer.`);
  }
  const policy = of('maxmemory_policy');
  if (Number(of('maxmemory')) > 0 && policy !== 'noeviction') {
    throw new Error(
      `Redis evicts keys (maxmemory-policy ${policy}), so counters would be forgotten: set maxmemory-policy noeviction.`,
    );
  }
}

/** @throws Error when the keys of one script would not be in one slot */
async function checkSlots(node: Redis): Promise<void> {
  const { counter, lineOf, ...named } = redisKeys('gw');
  const keys = [...Object.values(named), counter('q:x/y'), lineOf('q:x/y')];
  const slots = await Promise.all(keys.map((key) => node.cluster('KEYSLOT', key)));
  if (new Set(slots).size > 1) throw new Error('The keys of the limits are not in one slot of the Redis Cluster.');
}
