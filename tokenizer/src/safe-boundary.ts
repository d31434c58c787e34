/** What a character is to a boundary; sums, so that one look-up answers. */
const LETTER = 1;
const NUMBER = 2;
const ESTABLISHED = 4;
/** A boundary never stands before it. */
const STICKY = 8;

/**
 * Letters and digits on which the Unicode tables of all tokenizers agree, because they are old. A letter that is newer
 * than a tokenizer's tables is punctuation to it.
 */
const ESTABLISHED_PATTERN =
  /^[0-9A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0391-\u03a1\u03a3-\u03ff\u0400-\u0481\u048a-\u052f\u05d0-\u05ea\u0620-\u064a\u0660-\u0669\u0904-\u0939\u0e01-\u0e30\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]/;

/** Kinds of all UTF-16 units; halves of surrogate pairs are looked up by the whole character. */
const KINDS = Uint8Array.from({ length: 0x10000 }, (_, unit) => kindOf(String.fromCharCode(unit)));

function kindOf(character: string): number {
  const word = (/^\p{L}/u.test(character) ? LETTER : 0) + (/^\p{N}/u.test(character) ? NUMBER : 0);
  // The ranges hold a few symbols, such as U+03F6.
  const isEstablished = word > 0 && ESTABLISHED_PATTERN.test(character);
  const isSticky = character === "'" || /^[\p{M}\p{Cs}]/u.test(character);
  return word + (isEstablished ? ESTABLISHED : 0) + (isSticky ? STICKY : 0);
}

/**
 * Is the place before UTF-16 index `at` a boundary of pre-tokenisation that no later text can move, so that the tokens
 * before it are final?
 *
 * The patterns of cl100k_base, o200k_base, Qwen, Llama 3, DeepSeek and Tekken agree on this much: a run of letters or of
 * digits ends where another kind of character stands, and no piece reaches from a letter or digit over what follows it,
 * except for the contractions of o200k_base, which begin with an apostrophe. A combining mark is excluded because some
 * count marks among letters and NFC may join it to the character before it; half a surrogate pair, because the other
 * half may follow.
 * Runs of white space and of punctuation are never taken for boundaries: what follows decides how they split.
 */
export function isWordEnd(text: string, at: number): boolean {
  if (at <= 0 || at >= text.length) return false;
  // No established character lies outside the first plane, so that the unit before is enough.
  const before = KINDS[text.charCodeAt(at - 1)] ?? 0;
  if ((before & ESTABLISHED) === 0) return false;
  const after = kindAt(text, at);
  return (after & STICKY) === 0 && (before & after & (LETTER | NUMBER)) === 0;
}

function kindAt(text: string, at: number): number {
  const codePoint = text.codePointAt(at) ?? 0;
  return codePoint > 0xffff ? kindOf(String.fromCodePoint(codePoint)) : (KINDS[codePoint] ?? 0);
}

/** The character that ends before `at`; half a surrogate pair where there is only half. */
export function characterBefore(text: string, at: number): string {
  const isPair = at >= 2 && (text.codePointAt(at - 2) ?? 0) > 0xffff;
  return isPair ? text.slice(at - 2, at) : text.slice(at - 1, at);
}
