import type { Vocabulary } from './vocabulary.ts';

/** Calls `visit` with the pieces of a text, in order. */
export type Splitter = (text: string, visit: (piece: string) => void) => void;

/** Splits by patterns, one after the other; what a pattern does not match is a piece too. */
export function patternSplitter(patterns: readonly string[]): Splitter {
  const [first, ...others] = patterns;
  if (first === undefined) return (text, visit) => visit(text);
  const sticky = new RegExp(first, 'uy');
  const global = new RegExp(first, 'ug');
  const rest = others.length === 0 ? undefined : patternSplitter(others);

  return (text, visit) => {
    for (let at = 0; at < text.length; ) {
      sticky.lastIndex = at;
      const end = sticky.test(text) && sticky.lastIndex > at ? sticky.lastIndex : nextMatch(global, text, at);
      const piece = text.slice(at, end);
      if (rest === undefined) visit(piece);
      else rest(piece, visit);
      at = end;
    }
  };
}

/** Where the next match that is not empty begins, else the end of the text. */
function nextMatch(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  for (let found = pattern.exec(text); found !== null; found = pattern.exec(text)) {
    if (found[0] !== '') return found.index;
    pattern.lastIndex = found.index + 1;
  }
  return text.length;
}

/** Whether two characters stand side by side in some token. */
export type MayJoin = (left: number, right: number) => boolean;

/** Bits that the number of a character takes in the key of a pair; more different characters than that are refused. */
const CHARACTER_BITS = 15;

/**
 * The pairs of neighbouring characters (code points) that the tokens of a vocabulary hold. No merge ever joins any other
 * pair, so that texts fall apart there.
 * @throws Error when the tokens hold more than 32,767 different characters
 */
export function joiningPairs({ ranks, addedTokens }: Pick<Vocabulary, 'ranks' | 'addedTokens'>): MayJoin {
  const numbers = new Map<number, number>();
  const pairs = new Set<number>();
  const numberOf = (codePoint: number): number => {
    const known = numbers.get(codePoint);
    if (known !== undefined) return known;
    if (numbers.size >= 1 << CHARACTER_BITS) throw new Error('the vocabulary has too many different characters');
    numbers.set(codePoint, numbers.size);
    return numbers.size - 1;
  };
  const learn = (token: string): void => {
    let left: number | undefined;
    for (const character of token) {
      const right = numberOf(character.codePointAt(0) ?? 0);
      if (left !== undefined) pairs.add((left << CHARACTER_BITS) | right);
      left = right;
    }
  };
  for (const token of ranks.keys()) learn(token);
  for (const { content } of addedTokens) learn(content);

  return (left, right) => {
    const leftNumber = numbers.get(left);
    const rightNumber = numbers.get(right);
    return (
      leftNumber !== undefined && rightNumber !== undefined && pairs.has((leftNumber << CHARACTER_BITS) | rightNumber)
    );
  };
}

/** Splits wherever two characters meet that no token joins. */
export function pairSplitter(mayJoin: MayJoin): Splitter {
  return (text, visit) => {
    let start = 0;
    let left = -1;
    for (let at = 0; at < text.length; ) {
      const right = text.codePointAt(at) ?? 0;
      if (left >= 0 && !mayJoin(left, right)) {
        visit(text.slice(start, at));
        start = at;
      }
      left = right;
      at += right > 0xffff ? 2 : 1;
    }
    if (start < text.length) visit(text.slice(start));
  };
}
