import { addedTokens } from './added-tokens.ts';
import { mergePiece } from './merge.ts';
import { pieceCache } from './piece-cache.ts';
import { characterBefore, isWordEnd } from './safe-boundary.ts';
import { joiningPairs, type MayJoin, pairSplitter, patternSplitter } from './split.ts';
import { byteTokenName, type Vocabulary } from './vocabulary.ts';

/** Counts texts in one vocabulary. Deterministic, synchronous, CPU-bound. */
export interface Tokenizer {
  readonly name: string;
  /** Token ids of a text. Lone surrogates count as U+FFFD. */
  encode(text: string): number[];
  /** The tokens themselves, for people: U+FFFD stands where a token holds only a part of a character. */
  tokens(text: string): ShownToken[];
  /** Tokens of a text. */
  count(text: string): number;
  /** Is the place before UTF-16 index `at` a boundary before which tokens are final, whatever follows? */
  isSafeBoundary(text: string, at: number): boolean;
}

/** A token as people see it. */
export interface ShownToken {
  readonly id: number;
  readonly text: string;
}

/** Longer pieces are merged anew each time: they hardly come twice, and would fill the cache. */
const LONGEST_CACHED = 64;

const NOT_ASCII = /[^\0-\x7f]/;

/**
 * The tokenizer that a vocabulary defines.
 * Natural texts repeat themselves, so the counts of pieces are remembered (up to about 5 MB); that makes counting
 * several times faster than merging every piece.
 */
export function tokenizerOf(vocabulary: Vocabulary): Tokenizer {
  const { name, ranks, ids, split, normalization, spaceAs, hasSafeBoundaries } = vocabulary;
  const added = addedTokens(vocabulary.addedTokens);
  const mayJoin = split.kind === 'pairs' ? joiningPairs(vocabulary) : undefined;
  const pieces = split.kind === 'pairs' && mayJoin !== undefined ? pairSplitter(mayJoin) : patternsOf(vocabulary);
  const counts = pieceCache();
  const units = vocabulary.unit === 'byte' ? byteUnits(ranks) : characterUnits(ranks);

  function countPiece(piece: string): number {
    if (piece.length > LONGEST_CACHED) return units.count(piece);
    const known = counts.get(piece);
    if (known !== undefined) return known;
    const counted = units.count(piece);
    counts.set(piece, counted);
    return counted;
  }

  const normal = (text: string): string => {
    const wellFormed = text.toWellFormed();
    const composed = normalization === 'NFC' && NOT_ASCII.test(wellFormed) ? wellFormed.normalize('NFC') : wellFormed;
    return spaceAs === undefined ? composed : composed.replaceAll(' ', spaceAs);
  };

  function countStretch(text: string): number {
    let tokens = 0;
    pieces(normal(text), (piece) => {
      tokens += countPiece(piece);
    });
    return tokens;
  }

  function visitTokens(text: string, visit: (id: number, token: string) => void): void {
    const push: PushToken = (rank, token) => visit(ids?.[rank] ?? rank, token);
    const visitStretch = (stretch: string) => pieces(normal(stretch), (piece) => units.encode(piece, push));
    if (added === undefined) visitStretch(text);
    else
      added.split(text, (stretch, id) => {
        if (id === undefined) visitStretch(stretch);
        else visit(id, vocabulary.unit === 'byte' ? bytesOf(stretch) : stretch);
      });
  }

  const shown = (token: string): string => {
    if (vocabulary.unit === 'byte') return Buffer.from(token, 'latin1').toString();
    return spaceAs === undefined ? token : token.replaceAll(spaceAs, ' ');
  };

  return {
    name,
    count(text) {
      if (added === undefined) return countStretch(text);
      let tokens = 0;
      added.split(text, (stretch, id) => {
        tokens += id === undefined ? countStretch(stretch) : 1;
      });
      return tokens;
    },
    encode(text) {
      const found: number[] = [];
      visitTokens(text, (id) => found.push(id));
      return found;
    },
    tokens(text) {
      const found: ShownToken[] = [];
      visitTokens(text, (id, token) => found.push({ id, text: shown(token) }));
      return found;
    },
    isSafeBoundary(text, at) {
      if (!hasSafeBoundaries) return false;
      const isBoundary = mayJoin === undefined ? isWordEnd(text, at) : fallsApart(text, at, mayJoin, spaceAs);
      return isBoundary && !(added?.mayReachOver(text, at) ?? false);
    },
  };
}

function patternsOf({ split }: Vocabulary) {
  return patternSplitter(split.kind === 'patterns' ? split.patterns : []);
}

function fallsApart(text: string, at: number, mayJoin: MayJoin, spaceAs: string | undefined): boolean {
  if (at <= 0 || at >= text.length) return false;
  const before = characterBefore(text, at).codePointAt(0) ?? 0;
  const after = text.codePointAt(at) ?? 0;
  const isHalf = (codePoint: number) => codePoint >= 0xd800 && codePoint <= 0xdfff;
  if (isHalf(before) || isHalf(after)) return false;
  const written = (codePoint: number) => (codePoint === 0x20 ? (spaceAs?.codePointAt(0) ?? codePoint) : codePoint);
  return !mayJoin(written(before), written(after));
}

type PushToken = (rank: number, token: string) => void;

/** Merging of one kind of unit. */
interface Units {
  count(piece: string): number;
  encode(piece: string, push: PushToken): void;
}

/** UTF-8 bytes as a latin-1 string. */
function bytesOf(text: string): string {
  return NOT_ASCII.test(text) ? Buffer.from(text).toString('latin1') : text;
}

function byteUnits(ranks: Vocabulary['ranks']): Units {
  const ends = (bytes: string) => mergePiece(bytes, everyIndex(bytes.length), ranks);
  return {
    count(piece) {
      const bytes = bytesOf(piece);
      return ranks.has(bytes) ? 1 : ends(bytes).length;
    },
    encode(piece, push) {
      const bytes = bytesOf(piece);
      const whole = ranks.get(bytes);
      if (whole !== undefined) {
        push(whole, bytes);
        return;
      }
      let from = 0;
      for (const end of ends(bytes)) {
        const token = bytes.slice(from, end);
        push(rankOf(ranks, token), token);
        from = end;
      }
    },
  };
}

function characterUnits(ranks: Vocabulary['ranks']): Units {
  const byteRanks = Array.from({ length: 256 }, (_, byte) => rankOf(ranks, byteTokenName(byte)));
  function tokensOf(piece: string, visit: (token: string, rank: number | undefined) => void): void {
    let from = 0;
    for (const end of mergePiece(piece, everyCharacter(piece), ranks)) {
      const token = piece.slice(from, end);
      visit(token, ranks.get(token));
      from = end;
    }
  }
  return {
    count(piece) {
      let tokens = 0;
      tokensOf(piece, (token, rank) => {
        tokens += rank === undefined ? Buffer.byteLength(token) : 1;
      });
      return tokens;
    },
    encode(piece, push) {
      tokensOf(piece, (token, rank) => {
        if (rank !== undefined) push(rank, token);
        else for (const byte of Buffer.from(token)) push(byteRanks[byte] ?? 0, '\ufffd');
      });
    },
  };
}

function rankOf(ranks: Vocabulary['ranks'], token: string): number {
  const rank = ranks.get(token);
  if (rank === undefined) throw new Error('a byte is missing from the vocabulary');
  return rank;
}

function everyIndex(length: number): Int32Array {
  return Int32Array.from({ length: length + 1 }, (_, at) => at);
}

function everyCharacter(text: string): Int32Array {
  const starts: number[] = [];
  for (let at = 0; at < text.length; at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1) starts.push(at);
  return Int32Array.from([...starts, text.length]);
}
