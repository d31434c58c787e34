import type { TextPiece } from '../protocols/wire-format.ts';

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
  /** A rule of thumb stood in for the vocabulary. */
  readonly isRough?: boolean;
  /** The learned ratio that is in an estimate; undefined = 1. */
  readonly ratio?: number | undefined;
}

/**
 * Counts `text` and finds its cut for `maxTokens`; the first `from` UTF-16 units are known to fit.
 * A counter that cannot count exactly answers an estimate with `exact: false`, or throws where the policy wants no estimate.
 */
export type CutText = (text: string, maxTokens: number, from: number) => Promise<Cut>;

/** What became of pieces that were offered: all within the cap, or the part of each that still is. */
export type Metered = { readonly kind: 'fits' } | { readonly kind: 'cut'; readonly allowed: readonly TextPiece[] };

/** What a stream may have. */
export interface Allowance {
  /** Most tokens over all lanes; Infinity = only account. */
  readonly cap: number;
  /** Part of the cap that is granted already; default all of it. */
  readonly granted?: number;
  /** Asks to be granted so many tokens in all; false = there is no room. */
  readonly grow?: (tokens: number) => Promise<boolean>;
  /** Most tokens that a byte may count as; 1 unless counts are multiplied by a learned ratio. */
  readonly tokensPerByte?: number;
}

/** Counts the text of one stream against its cap. */
export interface StreamMeter {
  /** Takes the pieces of one event. `undefined` = a count is needed: call `resolve`. */
  offer(pieces: readonly TextPiece[]): Metered | undefined;
  /** Counts what `offer` could not decide. */
  resolve(): Promise<Metered>;
  /** Tokens of all text that was let through: exact, or an estimate as soon as one count was. */
  total(): Promise<Pick<Cut, 'tokens' | 'exact' | 'isRough' | 'ratio'>>;
  /** Names of the lanes that text was let through on. */
  lanes(): readonly string[];
  /** About how many tokens were let through, without counting; never more than granted. */
  soFar(): number;
}

/** One text of the stream: what is final is a number, the rest is kept as text. */
interface Lane {
  finalTokens: number;
  tail: string;
  /** Upper bound of the tail's tokens. */
  tailBound: number;
}

/** Tokens by which a grant grows at least, so that a long answer does not ask for each of them. */
const GROWTH = 256;

/** Bytes of a token on average, from 4 in English to 3 in Chinese; for a progress report. */
const BYTES_PER_TOKEN = 3;

/**
 * A tail longer than this is counted even without need, so that memory stays bounded and no count takes long. One that
 * holds no boundary stays as long, and is counted again only when it has doubled: not with every event.
 */
const MAX_TAIL_LENGTH = 16_384;

/**
 * A byte-level vocabulary gives at most one token per byte, and the tokens before a boundary that later text cannot
 * move are final. So after a count of n tokens up to such a boundary at byte b, nothing needs counting before byte
 * b + (cap - n): the number of counts per stream is logarithmic in the cap, and the cut is exact all the same.
 * (Merges are not additive, so the bound holds from final boundaries only.)
 */
export function streamMeter(allowance: Allowance, cutText: CutText): StreamMeter {
  const { cap, granted = cap, grow, tokensPerByte = 1 } = allowance;
  const boundOf: typeof tokenBound = (text) => tokensPerByte * tokenBound(text);
  let allowed = Math.min(cap, granted);
  let lanes = new Map<string, Lane>();
  let bound = 0;
  let longestTail = 0;
  let maxTail = MAX_TAIL_LENGTH;
  let offered: readonly TextPiece[] = [];
  const { count, quality } = watched(cutText);

  async function countAll(): Promise<number> {
    let total = 0;
    for (const lane of lanes.values()) total += await settleLane(lane, count, boundOf);
    const all = [...lanes.values()];
    bound = all.reduce((sum, { finalTokens, tailBound }) => sum + finalTokens + tailBound, 0);
    longestTail = all.reduce((longest, { tail }) => Math.max(longest, tail.length), 0);
    maxTail = Math.max(MAX_TAIL_LENGTH, 2 * longestTail);
    return total;
  }

  async function othersTotal(laneName: string): Promise<number> {
    let total = 0;
    for (const [name, lane] of lanes) if (name !== laneName) total += await settleLane(lane, count, boundOf);
    return total;
  }

  /** Lets the offered pieces through one by one until one crosses the cap; of that one, what still fits. */
  async function cutPieces(before: Map<string, Lane>): Promise<Metered> {
    lanes = before;
    const kept: TextPiece[] = [];
    for (const piece of offered) {
      const others = await othersTotal(piece.lane);
      const lane = lanes.get(piece.lane) ?? EMPTY_LANE;
      const room = Math.max(0, allowed - others - lane.finalTokens);
      const cut = await count(lane.tail + piece.text, room, lane.tail.length);
      const text = piece.text.slice(0, Math.max(0, cut.cutAt - lane.tail.length));
      lanes.set(piece.lane, { ...lane, tail: lane.tail + text });
      if (text !== '') kept.push({ lane: piece.lane, text });
      if (text.length < piece.text.length) break;
    }
    return { kind: 'cut', allowed: kept };
  }

  return {
    offer(pieces) {
      offered = pieces;
      for (const { lane: name, text } of pieces) {
        const lane = lanes.get(name) ?? { ...EMPTY_LANE };
        const added = boundOf(text);
        lane.tail += text;
        lane.tailBound += added;
        bound += added;
        longestTail = Math.max(longestTail, lane.tail.length);
        lanes.set(name, lane);
      }
      return bound <= allowed && longestTail <= maxTail ? { kind: 'fits' } : undefined;
    },
    async resolve() {
      const before = withoutOffered(lanes, offered, boundOf);
      const total = await countAll();
      if (total > allowed && allowed < cap) allowed = await raisedGrant(total, { cap, granted: allowed, grow });
      return total <= allowed ? { kind: 'fits' } : cutPieces(before);
    },
    async total() {
      return { tokens: await countAll(), ...quality };
    },
    lanes: () => [...lanes].filter(([, { finalTokens, tail }]) => finalTokens > 0 || tail !== '').map(([name]) => name),
    soFar() {
      let tokens = 0;
      for (const lane of lanes.values())
        tokens += lane.finalTokens + Math.ceil(lane.tailBound / (BYTES_PER_TOKEN * tokensPerByte));
      return Math.min(tokens, allowed);
    },
  };
}

/** Counts, and how good the worst of the counts up to now was. */
function watched(cutText: CutText) {
  const quality = { exact: true, isRough: false, ratio: 1 };
  const count: CutText = async (text, maxTokens, from) => {
    const cut = await cutText(text, maxTokens, from);
    quality.exact &&= cut.exact;
    quality.isRough ||= cut.isRough === true;
    quality.ratio = cut.ratio ?? 1;
    return cut;
  };
  return { count, quality };
}

/**
 * The grant for `total` tokens: some more than that where there is room, else up to the last token that there is room for.
 */
async function raisedGrant(
  total: number,
  { cap, granted, grow }: { readonly cap: number; readonly granted: number; readonly grow: Allowance['grow'] },
): Promise<number> {
  if (grow === undefined) return granted;
  const wanted = Math.min(cap, total);
  const ample = Math.min(cap, wanted + GROWTH);
  if (await grow(ample)) return ample;
  if (await grow(wanted)) return wanted;
  let reached = granted;
  for (let denied = wanted; denied - reached > 1; ) {
    const middle = reached + Math.floor((denied - reached) / 2);
    if (await grow(middle)) reached = middle;
    else denied = middle;
  }
  return reached;
}

const EMPTY_LANE: Readonly<Lane> = { finalTokens: 0, tail: '', tailBound: 0 };

/** Counts one lane, keeps as text only what is not final, and returns its exact tokens. */
async function settleLane(lane: Lane, count: CutText, boundOf: typeof tokenBound): Promise<number> {
  if (lane.tail === '') return lane.finalTokens;
  const cut = await count(lane.tail, Number.MAX_SAFE_INTEGER, 0);
  const exact = lane.finalTokens + cut.tokens;
  lane.finalTokens += cut.finalTokens;
  lane.tail = lane.tail.slice(cut.finalAt);
  lane.tailBound = Math.max(boundOf(lane.tail), cut.tokens - cut.finalTokens);
  return exact;
}

/** The lanes as they were before the offered pieces were appended. */
function withoutOffered(
  lanes: ReadonlyMap<string, Lane>,
  offered: readonly TextPiece[],
  boundOf: typeof tokenBound,
): Map<string, Lane> {
  const before = new Map([...lanes].map(([name, lane]) => [name, { ...lane }]));
  for (const { lane: name, text } of offered.toReversed()) {
    const lane = before.get(name);
    if (lane === undefined) continue;
    lane.tail = lane.tail.slice(0, lane.tail.length - text.length);
    lane.tailBound -= boundOf(text);
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
