import type { AddedToken } from './vocabulary.ts';

/** Finds added tokens (`<|im_end|>`, `<think>`) in texts. */
export interface AddedTokens {
  /** Calls `visit` with the stretches between added tokens and with the ids of the tokens, in order. */
  split(text: string, visit: (stretch: string, id: number | undefined) => void): void;
  /** Might an added token be in the making that reaches over the place before `at`? */
  mayReachOver(text: string, at: number): boolean;
}

/** At each place the longest of the tokens that begin there is taken, from left to right, as Hugging Face does. */
export function addedTokens(tokens: readonly AddedToken[]): AddedTokens | undefined {
  if (tokens.length === 0) return undefined;
  const ids = new Map(tokens.map(({ content, id }) => [content, id]));
  const lengths = [...new Set(tokens.map(({ content }) => content.length))].toSorted((left, right) => right - left);
  const longest = lengths[0] ?? 0;
  const prefixes = new Set(tokens.flatMap(({ content }) => prefixesOf(content)));
  const opening = new RegExp(
    `[${[...new Set(tokens.map(({ content }) => content.charAt(0)))].map(RegExp.escape).join('')}]`,
    'g',
  );

  /** The token that begins at `at`, if any. */
  function tokenAt(text: string, at: number): string | undefined {
    for (const length of lengths) {
      const candidate = text.slice(at, at + length);
      if (candidate.length === length && ids.has(candidate)) return candidate;
    }
    return undefined;
  }

  return {
    split(text, visit) {
      let from = 0;
      opening.lastIndex = 0;
      while (opening.test(text)) {
        const at = opening.lastIndex - 1;
        const token = tokenAt(text, at);
        if (token === undefined) continue;
        if (at > from) visit(text.slice(from, at), undefined);
        visit(token, ids.get(token));
        from = at + token.length;
        opening.lastIndex = from;
      }
      if (from < text.length) visit(from === 0 ? text : text.slice(from), undefined);
    },
    mayReachOver(text, at) {
      for (let start = Math.max(0, at - longest + 1); start < at; start++)
        if (prefixes.has(text.slice(start, at))) return true;
      return false;
    },
  };
}

/** All beginnings of a token that are shorter than it. */
function prefixesOf(content: string): string[] {
  return Array.from({ length: content.length - 1 }, (_, at) => content.slice(0, at + 1));
}
