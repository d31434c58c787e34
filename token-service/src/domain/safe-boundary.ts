/** Longest added token (`<|object_ref_start|>` and the like), in UTF-16 units. */
const MAX_ADDED_TOKEN = 32;

const LETTER = /^\p{L}/u;
const NUMBER = /^\p{N}/u;
const MARK = /^\p{M}/u;

/**
 * Is the place before UTF-16 index `at` a boundary of pre-tokenisation that no later text can move, so that the tokens
 * before it are final?
 *
 * The patterns of cl100k_base, o200k_base and Qwen agree on this much: a run of letters or of digits ends where another
 * kind of character stands, and no piece reaches from a letter or digit over what follows it, except for the
 * contractions of o200k_base, which begin with an apostrophe. A combining mark is excluded because o200k_base counts
 * marks among letters and NFC may join it to the character before it.
 * Runs of white space and of punctuation are never taken for boundaries: what follows decides how they split.
 */
export function isSafeBoundary(text: string, at: number): boolean {
  if (at <= 0 || at >= text.length) return false;
  const before = characterBefore(text, at);
  const after = String.fromCodePoint(text.codePointAt(at) ?? 0);
  if (after === "'" || after === '\u2019' || MARK.test(after)) return false;
  if (LETTER.test(before)) return !LETTER.test(after);
  return NUMBER.test(before) && !NUMBER.test(after);
}

/**
 * The same for a vocabulary whose added tokens (`<|im_end|>`, `<think>`) are recognised inside texts: no boundary
 * where such a token may be in the making.
 */
export function isSafeBesideAddedTokens(text: string, at: number): boolean {
  return isSafeBoundary(text, at) && text.lastIndexOf('<', at - 1) < at - MAX_ADDED_TOKEN;
}

function characterBefore(text: string, at: number): string {
  const isSurrogate = at >= 2 && (text.codePointAt(at - 2) ?? 0) > 0xffff;
  return isSurrogate ? text.slice(at - 2, at) : text.slice(at - 1, at);
}
