import { hash } from 'node:crypto';
import type { Tokenizer } from '@ai-gateway/tokenizer';

/** Counts texts, remembering the parts of long ones. */
export interface CachedCount {
  count(tokenizer: Tokenizer, text: string): number;
  hits(): number;
  misses(): number;
}

/** Texts are remembered in parts of about this many UTF-16 units. */
const PART = 2_048;

/** How far beyond that a boundary is looked for; without one the part grows by another `PART`. */
const REACH = 512;

/** Parts that are remembered: about 4 MB. */
const MAX_PARTS = 32_768;

/**
 * Long system prompts and growing conversations begin as they did the last time. Texts are therefore counted in parts
 * that end at safe boundaries, where counts add up, and the count of each part is kept under the hash of its content:
 * hashing is some twenty times faster than counting. Where parts end depends only on the text before them, so that texts
 * with a common beginning have the same parts up to where they differ.
 */
export function cachedCount(): CachedCount {
  const known = new Map<string, number>();
  let hits = 0;
  let misses = 0;

  function countPart(tokenizer: Tokenizer, part: string): number {
    const key = `${tokenizer.name} ${hash('sha256', part, 'base64')}`;
    const remembered = known.get(key);
    if (remembered !== undefined) {
      hits++;
      // What is asked for again becomes the newest.
      known.delete(key);
      known.set(key, remembered);
      return remembered;
    }
    misses++;
    const tokens = tokenizer.count(part);
    known.set(key, tokens);
    const [oldest] = known.keys();
    if (known.size > MAX_PARTS && oldest !== undefined) known.delete(oldest);
    return tokens;
  }

  return {
    count(tokenizer, text) {
      let tokens = 0;
      let from = 0;
      for (let end = partEnd(tokenizer, text, from); end < text.length; end = partEnd(tokenizer, text, from)) {
        tokens += countPart(tokenizer, text.slice(from, end));
        from = end;
      }
      return tokens + tokenizer.count(from === 0 ? text : text.slice(from));
    },
    hits: () => hits,
    misses: () => misses,
  };
}

/** The first safe boundary at least `PART` after `from` within reach of a multiple of it; else the end of the text. */
function partEnd(tokenizer: Tokenizer, text: string, from: number): number {
  for (let start = from + PART; start < text.length; start += PART)
    for (let at = start; at < Math.min(start + REACH, text.length); at++)
      if (tokenizer.isSafeBoundary(text, at)) return at;
  return text.length;
}
