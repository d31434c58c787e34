import { Redis } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { RedisLimitStore } from '../../src/adapters/redis/redis-limit-store.ts';
import { limitStoreContract } from '../support/limit-store.contract.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';

let server: RedisServer;
let tests = 0;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.close());

limitStoreContract('redis', async () => {
  let nowUs = 1_700_000_000_000_000;
  const client = new Redis(server.port, '127.0.0.1');
  return {
    store: new RedisLimitStore({
      client,
      tag: `test${tests++}`,
      gatewayId: 'g',
      newEpoch: () => 'e',
      nowMs: () => 0,
      timeoutMs: 1e9,
      onDataLost: () => {},
      clockUs: () => nowUs,
    }),
    wait(ms) {
      nowUs += ms * 1000;
    },
    async close() {
      client.disconnect();
    },
  };
});
