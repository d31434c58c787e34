import type { Cut, CutText } from '../../src/streaming/stream-meter.ts';

/**
 * A small byte-level vocabulary whose merges are not additive, as real ones are: letters join in groups of four,
 * "ing" is one token, everything else costs its UTF-8 bytes. A boundary before a space is final.
 */
export function toyCount(text: string): number {
  let tokens = 0;
  for (const [piece] of text.matchAll(/ ?[a-z]+|[^a-z]/gu)) tokens += pieceTokens(piece);
  return tokens;
}

/** The toy vocabulary as the tokenizer package knows it. */
export const toyTokenizer = {
  count: toyCount,
  isSafeBoundary: (text: string, at: number) => at > 0 && text[at] === ' ',
};

function pieceTokens(piece: string): number {
  if (!/[a-z]/.test(piece)) return Buffer.byteLength(piece);
  if (piece.endsWith('ing')) return 1 + Math.ceil((piece.length - 3) / 4);
  return Math.ceil(piece.length / 4);
}

/** The toy vocabulary behind the interface of the token service, counting how often it is asked. */
export function toyCutText(): CutText & { calls: number } {
  const cut: CutText & { calls: number } = async (text, maxTokens, from) => {
    cut.calls++;
    return toyCut(text, maxTokens, from);
  };
  cut.calls = 0;
  return cut;
}

function toyCut(text: string, maxTokens: number, from: number): Cut {
  const tokens = toyCount(text);
  const finalAt = Math.max(0, text.lastIndexOf(' '));
  const final = { finalAt, finalTokens: toyCount(text.slice(0, finalAt)) };
  if (tokens <= maxTokens) return { tokens, cutAt: text.length, cutTokens: tokens, exact: true, ...final };
  let cutAt = from;
  for (;;) {
    const next = cutAt + ((text.codePointAt(cutAt) ?? 0) > 0xffff ? 2 : 1);
    if (next > text.length || toyCount(text.slice(0, next)) > maxTokens) break;
    cutAt = next;
  }
  return { tokens, cutAt, cutTokens: toyCount(text.slice(0, cutAt)), exact: true, ...final };
}
