import { Tiktoken } from 'tiktoken';
import { mergePiece, type Ranks } from '../domain/merge.ts';
import { isSafeBesideAddedTokens, isSafeBoundary } from '../domain/safe-boundary.ts';
import type { Tokenizer, VocabularyName } from './tokenizer.ts';
import { openAiVocabulary, qwenVocabulary, type VocabularyData } from './vocabulary-data.ts';

/** Runs of one kind of character from this length on are merged by `mergePiece`. */
const LONG_RUN = 200;

const LONG_RUNS = new RegExp(
  [`[\\p{L}\\p{M}]{${LONG_RUN}}`, `\\p{White_Space}{${LONG_RUN}}`, `[^\\p{White_Space}\\p{L}\\p{N}]{${LONG_RUN}}`].join(
    '|',
  ),
  'u',
);

const loaded = new Map<VocabularyName, Tokenizer>();

/** The tokenizer of a vocabulary; the first call loads it (0.2 to 0.6 s). */
export function tokenizerOf(name: VocabularyName): Tokenizer {
  const known = loaded.get(name);
  if (known !== undefined) return known;
  const tokenizer = tiktokenTokenizer(name, name === 'qwen' ? qwenVocabulary() : openAiVocabulary(name));
  loaded.set(name, tokenizer);
  return tokenizer;
}

function tiktokenTokenizer(name: VocabularyName, data: VocabularyData): Tokenizer {
  const { addedTokens, normalization } = data;
  const tiktoken = new Tiktoken(data.bpeRanks, {}, data.pattern);
  const added =
    addedTokens.size === 0 ? undefined : new RegExp(`(${[...addedTokens.keys()].map(RegExp.escape).join('|')})`);
  let slow: ((text: string) => number[]) | undefined;

  function encodePlain(text: string): number[] | Uint32Array {
    const normal = normalization === 'NFC' ? text.normalize('NFC') : text;
    if (normal.length < LONG_RUN || !LONG_RUNS.test(normal)) return tiktoken.encode_ordinary(normal);
    slow ??= longRunEncoder(data);
    return slow(normal);
  }

  function encode(text: string): number[] {
    if (added === undefined || !text.includes('<')) return [...encodePlain(text)];
    return text.split(added).flatMap((part) => {
      const id = addedTokens.get(part);
      return id === undefined ? [...encodePlain(part)] : [id];
    });
  }

  return {
    name,
    encode,
    count: (text) => (added === undefined || !text.includes('<') ? encodePlain(text).length : encode(text).length),
    isSafeBoundary: added === undefined ? isSafeBoundary : isSafeBesideAddedTokens,
  };
}

/** Encodes texts with long runs: the same pattern in JavaScript, merges in O(n log n), pieces remembered. */
function longRunEncoder({ bpeRanks, pattern }: VocabularyData): (text: string) => number[] {
  const ranks = ranksOf(bpeRanks);
  // Rust's \s is the Unicode property; JavaScript's differs by U+0085 and U+FEFF.
  const pieces = new RegExp(
    pattern
      .replaceAll('[^\\s', '[^\\p{White_Space}')
      .replaceAll('\\s', '\\p{White_Space}')
      .replaceAll('\\S', '\\P{White_Space}'),
    'gu',
  );
  return (text) => {
    const known = new Map<string, number[]>();
    const ids: number[] = [];
    for (const [piece] of text.toWellFormed().matchAll(pieces)) {
      let merged = known.get(piece);
      if (merged === undefined) {
        merged = mergePiece(Buffer.from(piece).toString('latin1'), ranks);
        if (piece.length < LONG_RUN && known.size < 100_000) known.set(piece, merged);
      }
      for (const id of merged) ids.push(id);
    }
    return ids;
  };
}

function ranksOf(bpeRanks: string): Ranks {
  const ranks = new Map<string, number>();
  for (const line of bpeRanks.split('\n')) {
    const [mark, first, ...tokens] = line.split(' ');
    if (mark !== '!') continue;
    for (const [index, token] of tokens.entries())
      ranks.set(Buffer.from(token, 'base64').toString('latin1'), Number(first) + index);
  }
  return ranks;
}
