import { createHash } from 'node:crypto';
import type { AnswerCache } from '../../services.ts';
import type { RedisClient } from './scripts.ts';

/** Separates what is known of an answer from its bytes. */
const NEWLINE = 0x0a;

/** Answers in Redis, shared by all gateways. A Redis that is away or slow is a cache that has nothing. */
export function redisAnswerCache(client: RedisClient): AnswerCache {
  return {
    async read(key) {
      const stored = await client.getBuffer(nameOf(key)).catch(() => null);
      if (stored === null) return undefined;
      const end = stored.indexOf(NEWLINE);
      const [storedAtMs = '', contentType = ''] = stored.subarray(0, end).toString().split(' ', 2);
      return { storedAtMs: Number(storedAtMs), contentType, body: stored.subarray(end + 1) };
    },
    keep(key, { storedAtMs, contentType, body }, ttlMs) {
      const stored = Buffer.concat([Buffer.from(`${storedAtMs} ${contentType}\n`), body]);
      client.set(nameOf(key), stored, 'PX', ttlMs).catch(() => {});
    },
  };
}

/** Keys hold prompts, so only their hashes leave the process. */
function nameOf(key: string): string {
  return `gw:answer:${createHash('sha256').update(key).digest('base64url')}`;
}
