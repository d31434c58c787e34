import { type FindMerge, NONE } from './pairs.ts';

/** Pieces up to this many units are merged by looking through all pairs each time, which is faster than a heap there. */
const SHORT = 96;

/** Later than every rank. */
const NEVER = 0x7fff_ffff;

/**
 * Byte-pair encoding of one piece, in place: the pair whose token has the smallest rank is merged first, the leftmost
 * among equals (Sennrich et al. 2016, as tiktoken does it). Long pieces take O(n log n), so that a run of a million
 * letters takes no more than its share; tiktoken's own loop is quadratic in the length of a piece.
 * @param tokens ranks of the units, negative for those that merge with nothing; afterwards ranks of the tokens
 * @returns how many tokens there are
 */
export type MergeTokens = (tokens: Int32Array, length: number) => number;

/** Merging with the pairs of one vocabulary. Not to be called while it runs: it works in the same room each time. */
export function merger(find: FindMerge): MergeTokens {
  const ranks = new Int32Array(SHORT);
  return (tokens, length) =>
    length <= SHORT ? mergeShort({ tokens, ranks, find }, length) : mergeLong(tokens, length, find);
}

interface ShortMerge {
  readonly tokens: Int32Array;
  /** Ranks of what each token would merge into with the next. */
  readonly ranks: Int32Array;
  readonly find: FindMerge;
}

function mergeShort({ tokens, ranks, find }: ShortMerge, length: number): number {
  let count = length;
  for (let at = 0; at < count - 1; at++) ranks[at] = rankOf(tokens, at, find);
  for (;;) {
    let best = NONE;
    let smallest = NEVER;
    for (let at = 0; at < count - 1; at++) {
      const rank = ranks[at] ?? NEVER;
      if (rank >= smallest) continue;
      smallest = rank;
      best = at;
    }
    if (best === NONE) return count;
    tokens[best] = smallest;
    tokens.copyWithin(best + 1, best + 2, count);
    ranks.copyWithin(best + 1, best + 2, count - 1);
    count--;
    ranks[best] = best < count - 1 ? rankOf(tokens, best, find) : NEVER;
    if (best > 0) ranks[best - 1] = rankOf(tokens, best - 1, find);
  }
}

function rankOf(tokens: Int32Array, at: number, find: FindMerge): number {
  const rank = find(tokens[at] ?? NONE, tokens[at + 1] ?? NONE);
  return rank === NONE ? NEVER : rank;
}

function mergeLong(tokens: Int32Array, length: number, find: FindMerge): number {
  // Parts are named by their first unit; `next` and `previous` link them.
  const next = Int32Array.from({ length }, (_, part) => part + 1);
  const previous = Int32Array.from({ length }, (_, part) => part - 1);
  const pairRanks = new Int32Array(length).fill(NONE);
  const heap = pairHeap(length);

  function rankPair(left: number): void {
    const right = next[left] ?? length;
    const rank = right < length ? find(tokens[left] ?? NONE, tokens[right] ?? NONE) : NONE;
    pairRanks[left] = rank;
    if (rank !== NONE) heap.push(rank, left);
  }

  for (let left = 0; left < length - 1; left++) rankPair(left);
  for (let top = heap.pop(); top !== undefined; top = heap.pop()) {
    const { rank, left } = top;
    if (pairRanks[left] !== rank) continue;
    const right = next[left] ?? length;
    const after = next[right] ?? length;
    tokens[left] = rank;
    next[left] = after;
    if (after < length) previous[after] = left;
    pairRanks[right] = NONE;
    rankPair(left);
    const before = previous[left] ?? -1;
    if (before >= 0) rankPair(before);
  }

  let count = 0;
  for (let part = 0; part < length; part = next[part] ?? length) tokens[count++] = tokens[part] ?? NONE;
  return count;
}

/** Binary min-heap of (rank, part), each pair packed in one double: rank * 2^32 + part. */
function pairHeap(capacity: number) {
  let keys = new Float64Array(Math.max(16, capacity));
  let size = 0;
  return {
    push(rank: number, left: number): void {
      if (size === keys.length) {
        const larger = new Float64Array(size * 2);
        larger.set(keys);
        keys = larger;
      }
      siftUp(keys, size++, rank * 4_294_967_296 + left);
    },
    pop(): { rank: number; left: number } | undefined {
      if (size === 0) return undefined;
      const key = keys[0] ?? 0;
      siftDown(keys, --size, keys[size] ?? 0);
      return { rank: Math.floor(key / 4_294_967_296), left: key % 4_294_967_296 };
    },
  };
}

function siftUp(keys: Float64Array, start: number, key: number): void {
  let at = start;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const parentKey = keys[parent] ?? 0;
    if (parentKey <= key) break;
    keys[at] = parentKey;
    at = parent;
  }
  keys[at] = key;
}

function siftDown(keys: Float64Array, size: number, key: number): void {
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= size) break;
    if (child + 1 < size && (keys[child + 1] ?? 0) < (keys[child] ?? 0)) child++;
    const childKey = keys[child] ?? 0;
    if (key <= childKey) break;
    keys[at] = childKey;
    at = child;
  }
  if (size > 0) keys[at] = key;
}
