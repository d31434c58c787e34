import { addedTokens } from './added-tokens.ts';
import { merger } from './merge.ts';
import { mergeByText, mergeIndex, NONE } from './pairs.ts';
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
  const { name, ids, split, normalization, spaceAs, hasSafeBoundaries } = vocabulary;
  const added = addedTokens(vocabulary.addedTokens);
  const mayJoin = split.kind === 'pairs' ? joiningPairs(vocabulary) : undefined;
  const pieces = split.kind === 'pairs' && mayJoin !== undefined ? pairSplitter(mayJoin) : patternsOf(vocabulary);
  const counts = pieceCache();
  const units = vocabulary.unit === 'byte' ? byteUnits(vocabulary) : characterUnits(vocabulary);

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

/** Room for the tokens of a piece, the same for each piece. */
function tokenRoom(): (length: number) => Int32Array {
  let room = new Int32Array(1_024);
  return (length) => {
    if (room.length < length) room = new Int32Array(length * 2);
    return room;
  };
}

function byteUnits({ ranks, parts }: Vocabulary): Units {
  const merge = merger(parts === undefined ? mergeByText(ranks) : mergeIndex(parts));
  const roomFor = tokenRoom();
  const byteRanks = Int32Array.from({ length: 256 }, (_, byte) => rankOf(ranks, String.fromCharCode(byte)));
  let names: readonly string[] | undefined;

  function merged(bytes: string): { tokens: Int32Array; count: number } {
    const tokens = roomFor(bytes.length);
    for (let at = 0; at < bytes.length; at++) tokens[at] = byteRanks[bytes.charCodeAt(at)] ?? NONE;
    return { tokens, count: merge(tokens, bytes.length) };
  }

  return {
    count(piece) {
      const bytes = bytesOf(piece);
      return ranks.has(bytes) ? 1 : merged(bytes).count;
    },
    encode(piece, push) {
      const bytes = bytesOf(piece);
      const whole = ranks.get(bytes);
      if (whole !== undefined) {
        push(whole, bytes);
        return;
      }
      names ??= [...ranks.keys()];
      const { tokens, count } = merged(bytes);
      for (const rank of tokens.subarray(0, count)) push(rank, names[rank] ?? '');
    },
  };
}

function characterUnits({ ranks, parts }: Vocabulary): Units {
  const merge = merger(parts === undefined ? mergeByText(ranks) : mergeIndex(parts));
  const roomFor = tokenRoom();
  const byteRanks = Array.from({ length: 256 }, (_, byte) => rankOf(ranks, byteTokenName(byte)));
  let names: readonly string[] | undefined;

  /** Characters that are not in the vocabulary are -2 and less, by their place among those of the piece. */
  function merged(piece: string): { tokens: Int32Array; count: number; unknown: readonly string[] } {
    const tokens = roomFor(piece.length);
    const unknown: string[] = [];
    let length = 0;
    for (const character of piece) {
      const rank = ranks.get(character);
      tokens[length++] = rank ?? -1 - unknown.push(character);
    }
    return { tokens, count: merge(tokens, length), unknown };
  }

  return {
    count(piece) {
      const { count, unknown } = merged(piece);
      return unknown.reduce((tokens, character) => tokens - 1 + Buffer.byteLength(character), count);
    },
    encode(piece, push) {
      names ??= [...ranks.keys()];
      const { tokens, count, unknown } = merged(piece);
      for (const rank of tokens.slice(0, count)) {
        if (rank >= 0) push(rank, names[rank] ?? '');
        else for (const byte of Buffer.from(unknown[-2 - rank] ?? '')) push(byteRanks[byte] ?? 0, '\ufffd');
      }
    },
  };
}

function rankOf(ranks: Vocabulary['ranks'], token: string): number {
  const rank = ranks.get(token);
  if (rank === undefined) throw new Error('a byte is missing from the vocabulary');
  return rank;
}
