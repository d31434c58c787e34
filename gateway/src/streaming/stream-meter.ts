import type { TextPiece } from './chat-chunk.ts';

/** Exact count of a text and where it must end to keep within a number of tokens; see `POST /cut` of the token service. */
export interface Cut {
  readonly tokens: number;
  /** UTF-16 index of the longest known prefix within the allowance; never inside a surrogate pair. */
  readonly cutAt: number;
  readonly cutTokens: number;
  /** Index before which no later text can change the tokens, and their number. */
  readonly finalAt: number;
  readonly finalTokens: number;
  readonly exact: boolean;
}

/**
 * Counts `text` and finds its cut for `maxTokens`; the first `from` UTF-16 units are known to fit.
 * A counter that cannot count exactly answers an estimate with `exact: false`, or throws where the policy wants no estimate.
 */
export type CutText = (text: string, maxTokens: number, from: number) => Promise<Cut>;

/** What became of pieces that were offered: all within the cap, or the part of each that still is. */
export type Metered = { readonly kind: 'fits' } | { readonly kind: 'cut'; readonly allowed: readonly TextPiece[] };

/** Counts the text of one stream against its cap. */
export interface StreamMeter {
  /** Takes the pieces of one event. `undefined` = a count is needed: call `resolve`. */
  offer(pieces: readonly TextPiece[]): Metered | undefined;
  /** Counts what `offer` could not decide. */
  resolve(): Promise<Metered>;
  /** Exact tokens of all text that was let through. */
  total(): Promise<{ readonly tokens: number; readonly exact: boolean }>;
}

/** One text of the stream: what is final is a number, the rest is kept as text. */
interface Lane {
  finalTokens: number;
  tail: string;
  /** Upper bound of the tail's tokens. */
  tailBound: number;
}

/** A tail longer than this is counted even without need, so that memory stays bounded. */
const MAX_TAIL_LENGTH = 65_536;

/**
 * A byte-level vocabulary gives at most one token per byte, and the tokens before a boundary that later text cannot
 * move are final. So after a count of n tokens up to such a boundary at byte b, nothing needs counting before byte
 * b + (cap - n): the number of counts per stream is logarithmic in the cap, and the cut is exact all the same.
 * (Merges are not additive, so the bound holds from final boundaries only.)
 * @param cap most tokens over all lanes; Infinity = only account
 */
export function streamMeter(cap: number, cutText: CutText): StreamMeter {
  let lanes = new Map<string, Lane>();
  let bound = 0;
  let longestTail = 0;
  let isExact = true;
  let offered: readonly TextPiece[] = [];

  const count: CutText = async (text, maxTokens, from) => {
    const cut = await cutText(text, maxTokens, from);
    isExact &&= cut.exact;
    return cut;
  };

  async function countAll(): Promise<number> {
    let total = 0;
    for (const lane of lanes.values()) total += await settleLane(lane, count);
    const all = [...lanes.values()];
    bound = all.reduce((sum, { finalTokens, tailBound }) => sum + finalTokens + tailBound, 0);
    longestTail = all.reduce((longest, { tail }) => Math.max(longest, tail.length), 0);
    return total;
  }

  async function othersTotal(laneName: string): Promise<number> {
    let total = 0;
    for (const [name, lane] of lanes) if (name !== laneName) total += await settleLane(lane, count);
    return total;
  }

  /** Lets the offered pieces through one by one until one crosses the cap; of that one, what still fits. */
  async function cutPieces(before: Map<string, Lane>): Promise<Metered> {
    lanes = before;
    const allowed: TextPiece[] = [];
    for (const piece of offered) {
      const others = await othersTotal(piece.lane);
      const lane = lanes.get(piece.lane) ?? EMPTY_LANE;
      const room = Math.max(0, cap - others - lane.finalTokens);
      const cut = await count(lane.tail + piece.text, room, lane.tail.length);
      const text = piece.text.slice(0, Math.max(0, cut.cutAt - lane.tail.length));
      lanes.set(piece.lane, { ...lane, tail: lane.tail + text });
      if (text !== '') allowed.push({ lane: piece.lane, text });
      if (text.length < piece.text.length) break;
    }
    return { kind: 'cut', allowed };
  }

  return {
    offer(pieces) {
      offered = pieces;
      for (const { lane: name, text } of pieces) {
        const lane = lanes.get(name) ?? { ...EMPTY_LANE };
        const added = tokenBound(text);
        lane.tail += text;
        lane.tailBound += added;
        bound += added;
        longestTail = Math.max(longestTail, lane.tail.length);
        lanes.set(name, lane);
      }
      return bound <= cap && longestTail <= MAX_TAIL_LENGTH ? { kind: 'fits' } : undefined;
    },
    async resolve() {
      const before = withoutOffered(lanes, offered);
      return (await countAll()) <= cap ? { kind: 'fits' } : cutPieces(before);
    },
    async total() {
      return { tokens: await countAll(), exact: isExact };
    },
  };
}

const EMPTY_LANE: Readonly<Lane> = { finalTokens: 0, tail: '', tailBound: 0 };

/** Counts one lane, keeps as text only what is not final, and returns its exact tokens. */
async function settleLane(lane: Lane, count: CutText): Promise<number> {
  if (lane.tail === '') return lane.finalTokens;
  const cut = await count(lane.tail, Number.MAX_SAFE_INTEGER, 0);
  const exact = lane.finalTokens + cut.tokens;
  lane.finalTokens += cut.finalTokens;
  lane.tail = lane.tail.slice(cut.finalAt);
  lane.tailBound = Math.max(tokenBound(lane.tail), cut.tokens - cut.finalTokens);
  return exact;
}

/** The lanes as they were before the offered pieces were appended. */
function withoutOffered(lanes: ReadonlyMap<string, Lane>, offered: readonly TextPiece[]): Map<string, Lane> {
  const before = new Map([...lanes].map(([name, lane]) => [name, { ...lane }]));
  for (const { lane: name, text } of offered.toReversed()) {
    const lane = before.get(name);
    if (lane === undefined) continue;
    lane.tail = lane.tail.slice(0, lane.tail.length - text.length);
    lane.tailBound -= tokenBound(text);
  }
  return before;
}

/**
 * Most tokens that a byte-level vocabulary can make of a text: its UTF-8 bytes. Some vocabularies first bring the text
 * to NFC, which can lengthen a few characters, so the longer of the two counts.
 */
export function tokenBound(text: string): number {
  const bytes = Buffer.byteLength(text);
  if (bytes === text.length) return bytes;
  return Math.max(bytes, Buffer.byteLength(text.normalize('NFC')));
}
