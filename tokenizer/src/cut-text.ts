import type { Tokenizer } from './tokenizer.ts';

/** Where a text must end to keep within an allowance, and how much of it is final; see `cutResponse` in contracts. */
export interface TextCut {
  readonly tokens: number;
  readonly fits: boolean;
  readonly cutAt: number;
  readonly cutTokens: number;
  readonly finalAt: number;
  readonly finalTokens: number;
}

type Counter = Pick<Tokenizer, 'count' | 'isSafeBoundary'>;

/** A place in the text and the exact tokens before it. */
interface Place {
  readonly at: number;
  readonly tokens: number;
}

/**
 * Counts a text and cuts it at `maxTokens`. Tokens add up at safe boundaries, so halving between them finds the segment
 * that crosses the cap at a cost linear in the text; inside it, a search over code points keeps a prefix that fits and
 * a longer one that does not until they are neighbours, which needs no monotony.
 * @param from UTF-16 index of a prefix that is known to fit; the cut is never before it
 */
export function cutText(tokenizer: Counter, text: string, maxTokens: number, from: number): TextCut {
  const tokens = tokenizer.count(text);
  const final = finalPlace(tokenizer, text, tokens);
  if (tokens <= maxTokens) return { tokens, fits: true, cutAt: text.length, cutTokens: tokens, ...final };

  const { low, high } = crossingSegment(tokenizer, text, maxTokens);
  const cut = lastThatFits(tokenizer, text, { low, high, maxTokens, from: Math.min(from, text.length) });
  return { tokens, fits: false, cutAt: cut.at, cutTokens: cut.tokens, ...final };
}

function finalPlace(tokenizer: Counter, text: string, tokens: number): { finalAt: number; finalTokens: number } {
  const finalAt = boundaryBefore(tokenizer, text, text.length, 0);
  if (finalAt === 0) return { finalAt: 0, finalTokens: 0 };
  return { finalAt, finalTokens: tokens - tokenizer.count(text.slice(finalAt)) };
}

/** The neighbouring safe boundaries (or ends of the text) between which the count passes the allowance. */
function crossingSegment(tokenizer: Counter, text: string, maxTokens: number): { low: Place; high: number } {
  let low: Place = { at: 0, tokens: 0 };
  let high = text.length;
  for (;;) {
    const middle = (low.at + high) >> 1;
    let at = boundaryBefore(tokenizer, text, middle, low.at);
    if (at <= low.at) at = boundaryAfter(tokenizer, text, middle, high);
    if (at <= low.at || at >= high) return { low, high };
    const tokens = low.tokens + tokenizer.count(text.slice(low.at, at));
    if (tokens <= maxTokens) low = { at, tokens };
    else high = at;
  }
}

function lastThatFits(
  tokenizer: Counter,
  text: string,
  { low, high, maxTokens, from }: { low: Place; high: number; maxTokens: number; from: number },
): Place {
  const countTo = (at: number) => low.tokens + tokenizer.count(text.slice(low.at, at));
  let fitting: Place = from > low.at ? { at: from, tokens: countTo(from) } : low;
  let exceeding: Place = { at: high, tokens: countTo(high) };
  for (let step = 0; ; step++) {
    const next = characterEnd(text, fitting.at);
    if (next >= exceeding.at) return fitting;
    // Tokens lie fairly evenly, so guessing by proportion gets near at once; every second step halves, to be safe.
    const share = step % 2 === 0 ? (maxTokens - fitting.tokens) / (exceeding.tokens - fitting.tokens) : 0.5;
    const guess = fitting.at + Math.floor((exceeding.at - fitting.at) * share);
    const at = Math.min(Math.max(next, characterStart(text, guess)), characterStart(text, exceeding.at - 1));
    const place = { at, tokens: countTo(at) };
    if (place.tokens <= maxTokens) fitting = place;
    else exceeding = place;
  }
}

/** The last safe boundary at or before `at` and after `floor`, else `floor`. */
function boundaryBefore({ isSafeBoundary }: Counter, text: string, at: number, floor: number): number {
  for (let place = at; place > floor; place--) if (isSafeBoundary(text, place)) return place;
  return floor;
}

/** The first safe boundary after `at` and before `ceiling`, else `ceiling`. */
function boundaryAfter({ isSafeBoundary }: Counter, text: string, at: number, ceiling: number): number {
  for (let place = at + 1; place < ceiling; place++) if (isSafeBoundary(text, place)) return place;
  return ceiling;
}

function characterEnd(text: string, at: number): number {
  return at + ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1);
}

/** The same place, or one less if it lies inside a surrogate pair. */
function characterStart(text: string, at: number): number {
  return at > 0 && (text.codePointAt(at - 1) ?? 0) > 0xffff ? at - 1 : at;
}
