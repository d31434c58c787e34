import { LRUCache } from 'lru-cache';
import type { AnswerCache, CachedAnswer } from '../services.ts';

/** Bytes of answers that one gateway keeps; the least recently read go first. */
const MAX_BYTES = 64 * 1024 * 1024;

/** What an entry costs beside its body and key. */
const ENTRY_BYTES = 200;

/** Answers in the memory of this process. */
export function memoryAnswerCache(): AnswerCache {
  const answers = new LRUCache<string, CachedAnswer>({
    maxSize: MAX_BYTES,
    sizeCalculation: ({ body }, key) => body.length + 2 * key.length + ENTRY_BYTES,
  });
  return {
    read: async (key) => answers.get(key),
    keep(key, answer, ttlMs) {
      answers.set(key, answer, { ttl: ttlMs });
    },
  };
}
