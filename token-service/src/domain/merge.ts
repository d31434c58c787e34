/** Rank (= id) of a byte sequence, written as a latin-1 string. */
export type Ranks = ReadonlyMap<string, number>;

const NO_RANK = -1;

/**
 * Byte-pair encoding of one piece in O(n log n): the pair of smallest rank is merged first, the leftmost among equals
 * (Sennrich et al. 2016, as tiktoken does it). tiktoken's own loop is quadratic in the length of a piece, which makes a
 * run of 100,000 letters take ten seconds; this one takes such runs, tiktoken all others.
 * @param piece bytes as a latin-1 string
 * @returns token ids
 */
export function mergePiece(piece: string, ranks: Ranks): number[] {
  const whole = ranks.get(piece);
  if (whole !== undefined) return [whole];

  const length = piece.length;
  // Parts are named by their first byte; `next` and `previous` link them, `ends` bounds them.
  const next = Int32Array.from({ length }, (_, at) => at + 1);
  const previous = Int32Array.from({ length }, (_, at) => at - 1);
  const pairRanks = new Int32Array(length).fill(NO_RANK);
  const heap = pairHeap(length);

  function rankPair(left: number): void {
    const right = next[left] ?? length;
    const end = right < length ? (next[right] ?? length) : length;
    const rank = right < length ? ranks.get(piece.slice(left, end)) : undefined;
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

  return idsOf(piece, next, ranks);
}

function idsOf(piece: string, next: Int32Array, ranks: Ranks): number[] {
  const ids: number[] = [];
  for (let at = 0; at < piece.length; at = next[at] ?? piece.length) {
    const id = ranks.get(piece.slice(at, next[at]));
    if (id === undefined) throw new Error('a byte is missing from the vocabulary');
    ids.push(id);
  }
  return ids;
}

/** Binary min-heap of (rank, position), each pair packed in one double: rank * 2^32 + position. */
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
