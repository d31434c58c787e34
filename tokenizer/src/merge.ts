/** Token -> how early it is merged. */
export type Ranks = ReadonlyMap<string, number>;

const NO_RANK = -1;

/** Pieces up to this many units are merged by looking through all pairs each time, which is faster than a heap there. */
const SHORT = 48;

/**
 * Byte-pair encoding of one piece: the pair whose token has the smallest rank is merged first, the leftmost among
 * equals (Sennrich et al. 2016, as tiktoken does it). Long pieces take O(n log n), so that a run of a million letters
 * takes no more than its share; tiktoken's own loop is quadratic in the length of a piece.
 *
 * Merging by the concatenation of two tokens equals merging by a list of pairs, as Hugging Face writes it: what a token
 * is made of does not depend on the text around it, so that of all pairs that give it only one can ever occur.
 * @param starts indexes at which units begin, ending with the length of the piece
 * @returns indexes at which the tokens end
 */
export function mergePiece(piece: string, starts: Int32Array, ranks: Ranks): number[] {
  return starts.length - 1 <= SHORT ? mergeShort(piece, starts, ranks) : mergeLong(piece, starts, ranks);
}

function mergeShort(piece: string, starts: Int32Array, ranks: Ranks): number[] {
  const bounds = Array.from(starts);
  const rankAt = (part: number): number => {
    const end = bounds[part + 2];
    return end === undefined ? NO_RANK : (ranks.get(piece.slice(bounds[part], end)) ?? NO_RANK);
  };
  const pairRanks = bounds.map((_, part) => rankAt(part));
  for (;;) {
    let best = NO_RANK;
    let smallest = Number.POSITIVE_INFINITY;
    for (let part = 0; part < pairRanks.length; part++) {
      const rank = pairRanks[part] ?? NO_RANK;
      if (rank === NO_RANK || rank >= smallest) continue;
      smallest = rank;
      best = part;
    }
    if (best === NO_RANK) return bounds.slice(1);
    bounds.splice(best + 1, 1);
    pairRanks.splice(best + 1, 1);
    pairRanks[best] = rankAt(best);
    if (best > 0) pairRanks[best - 1] = rankAt(best - 1);
  }
}

function mergeLong(piece: string, starts: Int32Array, ranks: Ranks): number[] {
  const length = starts.length - 1;
  // Parts are named by their first unit; `next` and `previous` link them.
  const next = Int32Array.from({ length }, (_, part) => part + 1);
  const previous = Int32Array.from({ length }, (_, part) => part - 1);
  const pairRanks = new Int32Array(length).fill(NO_RANK);
  const heap = pairHeap(length);

  function rankPair(left: number): void {
    const right = next[left] ?? length;
    const end = right < length ? (next[right] ?? length) : length;
    const rank = right < length ? ranks.get(piece.slice(starts[left], starts[end])) : undefined;
    pairRanks[left] = rank ?? NO_RANK;
    if (rank !== undefined) heap.push(rank, left);
  }

  for (let left = 0; left < length - 1; left++) rankPair(left);
  for (let top = heap.pop(); top !== undefined; top = heap.pop()) {
    const { rank, left } = top;
    if (pairRanks[left] !== rank) continue;
    const right = next[left] ?? length;
    const after = next[right] ?? length;
    next[left] = after;
    if (after < length) previous[after] = left;
    pairRanks[right] = NO_RANK;
    rankPair(left);
    const before = previous[left] ?? -1;
    if (before >= 0) rankPair(before);
  }

  const ends: number[] = [];
  for (let part = 0; part < length; part = next[part] ?? length)
    ends.push(starts[next[part] ?? length] ?? piece.length);
  return ends;
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
