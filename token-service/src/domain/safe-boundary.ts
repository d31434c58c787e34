/** Longest added token (`<|object_ref_start|>` and the like), in UTF-16 units. */
const MAX_ADDED_TOKEN = 32;

const LETTER = /^\p{L}/u;
const NUMBER = /^\p{N}/u;
const MARK_OR_LONE_SURROGATE = /^[\p{M}\p{Cs}]/u;

/**
 * Letters and digits on which JavaScript's and tiktoken's Unicode tables agree, because they are old. A letter that is
 * newer than tiktoken's tables is punctuation to it.
 */
const ESTABLISHED =
  /^[0-9A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0391-\u03a1\u03a3-\u03ff\u0400-\u0481\u048a-\u052f\u05d0-\u05ea\u0620-\u064a\u0660-\u0669\u0904-\u0939\u0e01-\u0e30\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]/;

/**
 * Is the place before UTF-16 index `at` a boundary of pre-tokenisation that no later text can move, so that the tokens
 * before it are final?
 *
 * The patterns of cl100k_base, o200k_base and Qwen agree on this much: a run of letters or of digits ends where another
 * kind of character stands, and no piece reaches from a letter or digit over what follows it, except for the
 * contractions of o200k_base, which begin with an apostrophe. A combining mark is excluded because o200k_base counts
 * marks among letters and NFC may join it to the character before it; half a surrogate pair, because the other half
 * may follow.
 * Runs of white space and of punctuation are never taken for boundaries: what follows decides how they split.
 */
export function isSafeBoundary(text: string, at: number): boolean {
  if (at <= 0 || at >= text.length) return false;
  const before = characterBefore(text, at);
  const after = String.fromCodePoint(text.codePointAt(at) ?? 0);
  if (!ESTABLISHED.test(before) || after === "'" || MARK_OR_LONE_SURROGATE.test(after)) return false;
  if (LETTER.test(before)) return !LETTER.test(after);
  return NUMBER.test(before) && !NUMBER.test(after);
}

/**
 * The same for a vocabulary whose added tokens (`<|im_end|>`, `<think>`) are recognised inside texts: no boundary
 * where such a token may be in the making.
 */
export function isSafeBesideAddedTokens(text: string, at: number): boolean {
  if (!isSafeBoundary(text, at)) return false;
  const opened = text.lastIndexOf('<', at - 1);
  return opened === -1 || opened < at - MAX_ADDED_TOKEN;
}

function characterBefore(text: string, at: number): string {
  const isSurrogate = at >= 2 && (text.codePointAt(at - 2) ?? 0) > 0xffff;
  return isSurrogate ? text.slice(at - 2, at) : text.slice(at - 1, at);
}
