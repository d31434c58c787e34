import { Cluster, Redis } from 'ioredis';
import type { Logger } from 'pino';

/** A connection to one server or to a cluster. */
export type RedisClient = Redis | Cluster;

const OPTIONS = {
  commandTimeout: 5_000,
  connectTimeout: 1_000,
  maxRetriesPerRequest: 0,
  // Nothing waits for Redis: what it missed is made up for later.
  enableOfflineQueue: false,
  // Who subscribes does so whenever the connection is ready; by itself ioredis leaves a refusal to nobody.
  autoResubscribe: false,
  retryStrategy: (attempt: number) => Math.min(1_000, 50 * 2 ** Math.min(attempt, 5)),
};

/** Connects in the background, again whenever the connection is lost; `isCluster` talks to any node of a cluster. */
export function openRedis(url: URL, isCluster: boolean, log: Logger): RedisClient {
  const client = isCluster ? clusterAt(url) : new Redis(url.href, OPTIONS);
  let said = '';
  client.on('error', (error: Error) => {
    // ioredis reports every attempt; the same reason is told once until something else happens.
    if (error.message === said) return;
    said = error.message;
    log.warn({ error: error.message }, 'redis connection');
  });
  client.on('ready', () => {
    said = '';
  });
  return client;
}

function clusterAt(url: URL): Cluster {
  const { retryStrategy: _, enableOfflineQueue: __, ...redisOptions } = OPTIONS;
  return new Cluster([{ host: url.hostname, port: Number(url.port || 6379) }], {
    redisOptions: {
      ...redisOptions,
      ...(url.username !== '' && { username: decodeURIComponent(url.username) }),
      ...(url.password !== '' && { password: decodeURIComponent(url.password) }),
      ...(url.protocol === 'rediss:' && { tls: {} }),
    },
    enableOfflineQueue: false,
  });
}
