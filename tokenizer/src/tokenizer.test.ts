import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addedTokens } from './added-tokens.ts';
import { cutText } from './cut-text.ts';
import { merger } from './merge.ts';
import { packVocabulary, unpackVocabulary } from './pack.ts';
import { mergeIndex, partsOf } from './pairs.ts';
import { patternSplitter } from './split.ts';
import { tokenizerOf } from './tokenizer.ts';
import { byteTokenName, type Vocabulary } from './vocabulary.ts';

const BYTES = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));

function ranksOf(tokens: readonly string[]): ReadonlyMap<string, number> {
  return new Map(tokens.map((token, rank) => [token, rank]));
}

const YOU = Buffer.from('你').toString('latin1');

const TOY_RANKS = ranksOf([...BYTES, 'ab', 'bc', 'aa', 'abab', ' a', YOU.slice(0, 2), YOU]);

const TOY_PARTS = partsOf(TOY_RANKS);

/** Words and single signs; "ab" before "bc", so that "abc" is "ab", "c". */
const TOY: Vocabulary = {
  name: 'toy',
  unit: 'byte',
  ranks: TOY_RANKS,
  parts: TOY_PARTS,
  ids: undefined,
  split: { kind: 'patterns', patterns: ['\\p{White_Space}?[\\p{L}\\p{M}]+|[^\\p{L}]'] },
  normalization: 'none',
  spaceAs: undefined,
  addedTokens: [
    { content: '<end>', id: 1000 },
    { content: '<end>!', id: 1001 },
  ],
  hasSafeBoundaries: true,
};

const CHARACTER_RANKS = ranksOf([
  ...Array.from({ length: 256 }, (_, byte) => byteTokenName(byte)),
  'a',
  'b',
  '▁',
  'ab',
  '▁a',
  '>',
  '>▁',
]);

/** Characters with bytes as a fallback; tokens reach over spaces only after ">". */
const CHARACTERS: Vocabulary = {
  ...TOY,
  name: 'characters',
  unit: 'character',
  ranks: CHARACTER_RANKS,
  parts: undefined,
  split: { kind: 'pairs' },
  spaceAs: '▁',
  addedTokens: [],
};

it('merges the pair of smallest rank first, the leftmost among equals, short and long pieces alike', () => {
  const merge = merger(mergeIndex(TOY_PARTS));
  const names = [...TOY.ranks.keys()];
  const merged = (text: string) => {
    const tokens = Int32Array.from(text, (character) => character.charCodeAt(0));
    return [...tokens.subarray(0, merge(tokens, text.length))].map((rank) => names[rank] ?? '');
  };
  expect(merged('abcab')).toEqual(['ab', 'c', 'ab']);
  expect(merged('aaa')).toEqual(['aa', 'a']);
  expect(merged('ababab')).toEqual(['abab', 'ab']);
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 97, maxLength: 220 }), (long) => {
      // Text falls apart before every "ca", so merging the parts by themselves must give the same.
      const parts = long.split(/(?<=c)(?=a)/);
      expect(merged(long)).toEqual(parts.flatMap(merged));
    }),
  );
});

it('finds of which two tokens each is made', () => {
  const rankOf = (token: string) => TOY.ranks.get(token) ?? -1;
  const partsIn = (token: string) => [...TOY_PARTS.subarray(2 * rankOf(token), 2 * rankOf(token) + 2)];
  expect(partsIn('abab')).toEqual([rankOf('ab'), rankOf('ab')]);
  expect(partsIn(YOU)).toEqual([rankOf(YOU.slice(0, 2)), rankOf(YOU.slice(2))]);
  expect(partsIn('a')).toEqual([-1, -1]);
});

it('takes the longest added token at each place', () => {
  const found: unknown[] = [];
  addedTokens(TOY.addedTokens)?.split('x<end>!<end><en', (stretch, id) => found.push([stretch, id]));
  expect(found).toEqual([
    ['x', undefined],
    ['<end>!', 1001],
    ['<end>', 1000],
    ['<en', undefined],
  ]);
  expect(addedTokens([])).toBeUndefined();
});

it('sees where an added token may be in the making', () => {
  const added = addedTokens(TOY.addedTokens);
  expect(added?.mayReachOver('a <en', 5)).toBe(true);
  expect(added?.mayReachOver('a <em', 5)).toBe(false);
});

it('splits further what an earlier pattern has left, matches included, and keeps what no pattern takes', () => {
  const pieces: string[] = [];
  patternSplitter(['[0-9]{1,3}', '[a-z]+'])('ab12345-cd', (piece) => pieces.push(piece));
  expect(pieces).toEqual(['ab', '123', '45', '-', 'cd']);
});

describe('a vocabulary of bytes', () => {
  const tokenizer = tokenizerOf(TOY);

  it('gives ids, counts and the tokens as people see them', () => {
    expect(tokenizer.encode('ab ab<end>')).toEqual([256, 32, 256, 1000]);
    expect(tokenizer.count('ab ab<end>')).toBe(4);
    expect(tokenizer.tokens('你é')).toEqual([
      { id: 262, text: '你' },
      { id: 0xc3, text: '\ufffd' },
      { id: 0xa9, text: '\ufffd' },
    ]);
  });

  it('counts lone surrogates as U+FFFD', () => {
    expect(tokenizer.encode('\ud800')).toEqual([0xef, 0xbf, 0xbd]);
  });

  it('cuts at characters', () => {
    const cut = cutText(tokenizer, 'ab 你é', 4, 0);
    expect(cut).toMatchObject({ tokens: 5, fits: false, cutAt: 4, cutTokens: 3 });
  });
});

describe('a vocabulary of characters', () => {
  const tokenizer = tokenizerOf(CHARACTERS);

  it('writes spaces as its sign, falls back to bytes, and shows spaces again', () => {
    expect(tokenizer.tokens('ab ac')).toEqual([
      { id: 259, text: 'ab' },
      { id: 260, text: ' a' },
      { id: 0x63, text: '\ufffd' },
    ]);
  });

  it('has boundaries where two characters meet that no token joins', () => {
    expect(tokenizer.isSafeBoundary('ab a', 2)).toBe(true);
    expect(tokenizer.isSafeBoundary('> a', 1)).toBe(false);
    expect(tokenizer.isSafeBoundary('ab', 1)).toBe(false);
  });
});

it('packs and unpacks a vocabulary without loss, and refuses damaged bytes', async () => {
  for (const vocabulary of [
    TOY,
    CHARACTERS,
    { ...TOY, ids: Int32Array.from(TOY.ranks.values(), (rank) => rank + 7) },
  ]) {
    const packed = packVocabulary(vocabulary);
    expect(await unpackVocabulary(packed)).toEqual(vocabulary);
    await expect(unpackVocabulary(packed.subarray(0, packed.length - 1))).rejects.toThrow('not whole');
  }
  await expect(unpackVocabulary(Buffer.from('nonsense'))).rejects.toThrow('not a packed vocabulary');
});
