import { cutText, packVocabulary, tokenizerOf, unpackVocabulary } from '@ai-gateway/tokenizer';
import { Tokenizer as HuggingFaceTokenizer } from '@anush008/tokenizers';
import fc from 'fast-check';
import { get_encoding } from 'tiktoken';
import { describe, expect, it } from 'vitest';
import { TEXTS, troubleText } from '../../../tokenizer/test/support/texts.ts';
import { BUILT_IN, type BuiltInName } from './catalog.ts';

/** Ids by the implementation that defines them: tiktoken's own, or Hugging Face's tokenizers (Rust). */
type Reference = (text: string) => Promise<number[]>;

async function referenceOf(name: BuiltInName): Promise<Reference> {
  const { file } = BUILT_IN[name];
  if (file.endsWith('_base.json')) {
    const tiktoken = get_encoding(name === 'cl100k_base' ? name : 'o200k_base');
    return async (text) => [...tiktoken.encode_ordinary(text)];
  }
  const tokenizer = await HuggingFaceTokenizer.fromFile(file);
  return async (text) => {
    const encoding = await tokenizer.encode(text.toWellFormed(), null, { addSpecialTokens: false });
    return [...encoding.getIds()];
  };
}

const RUNS: readonly string[] = [
  'a'.repeat(700),
  'ab'.repeat(300),
  'A'.repeat(333),
  '你好'.repeat(200),
  ' '.repeat(500),
  '=-'.repeat(250),
  'é'.repeat(300),
  '\n'.repeat(400),
  '\t'.repeat(99),
  '1'.repeat(250),
  '👍'.repeat(150),
];

describe.each(Object.keys(BUILT_IN) as BuiltInName[])('%s', (name) => {
  const vocabulary = BUILT_IN[name].read();
  const tokenizer = tokenizerOf(vocabulary);
  const { encode, count, isSafeBoundary } = tokenizer;

  // Some differ from the vocabulary of the reference in a few special tokens, which are tested below.
  const own = name === 'o200k_harmony' ? /<\|/g : /<\/?(?:think|tool_response)>/g;
  const isVariant = ['o200k_harmony', 'qwen2.5', 'deepseek-r1'].includes(name);
  const comparable = (text: string) => (isVariant ? text.replaceAll(own, '') : text);

  it("gives the reference's ids for texts of many kinds", async () => {
    const reference = await referenceOf(name);
    for (const text of [...TEXTS, ...RUNS, ...RUNS.map((run) => `Before ${run} after, it's done.`)]) {
      const ids = encode(comparable(text));
      expect(ids, JSON.stringify(text.slice(0, 80))).toEqual(await reference(comparable(text)));
      expect(count(comparable(text))).toBe(ids.length);
    }
  });

  it('and for 5,000 random texts', async () => {
    const reference = await referenceOf(name);
    await fc.assert(
      fc.asyncProperty(troubleText, async (text) => {
        const ids = encode(comparable(text));
        expect(ids).toEqual(await reference(comparable(text)));
        expect(count(comparable(text))).toBe(ids.length);
      }),
      { numRuns: 5_000 },
    );
  });

  it('what lies before a safe boundary keeps its tokens whatever follows', () => {
    fc.assert(
      fc.property(troubleText, troubleText, (text, more) => {
        const whole = encode(text + more);
        for (let at = 1; at < text.length; at++) {
          if (!isSafeBoundary(text, at)) continue;
          const before = encode(text.slice(0, at));
          expect(whole.slice(0, before.length)).toEqual(before);
          expect(whole.slice(before.length)).toEqual(encode((text + more).slice(at)));
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it('is cut so that the prefix fits and one more character would not', () => {
    fc.assert(
      fc.property(troubleText, fc.nat(40), fc.nat(20), (text, maxTokens, known) => {
        const from = text.slice(0, known);
        if (count(from) > maxTokens || /[\ud800-\udbff]$/.test(from)) return;
        const cut = cutText(tokenizer, text, maxTokens, from.length);
        const delivered = text.slice(0, cut.cutAt);
        expect(cut.tokens).toBe(count(text));
        expect(cut.cutTokens).toBe(count(delivered));
        expect(cut.cutTokens).toBeLessThanOrEqual(maxTokens);
        expect(cut.cutAt).toBeGreaterThanOrEqual(Math.min(from.length, text.length));
        expect(cut.finalTokens).toBe(count(text.slice(0, cut.finalAt)));
        if (cut.fits) return;
        const next = String.fromCodePoint(text.codePointAt(cut.cutAt) ?? 0);
        expect(count(delivered + next)).toBeGreaterThan(maxTokens);
      }),
      { numRuns: 3_000 },
    );
  });

  it('can be packed and unpacked without loss', async () => {
    const again = await unpackVocabulary(packVocabulary(vocabulary));
    expect(again.ranks.size).toBe(vocabulary.ranks.size);
    expect({ ...again, ranks: undefined }).toEqual({ ...vocabulary, ranks: undefined });
    for (const text of TEXTS) expect(tokenizerOf(again).encode(text)).toEqual(encode(text));
  });

  it.each([
    ['one letter', 'a'.repeat(1_000_000)],
    ['one capital letter', 'A'.repeat(1_000_000)],
    ['spaces', ' '.repeat(1_000_000)],
    ['Chinese without punctuation', '你好世界'.repeat(250_000)],
    ['emoji', '👍'.repeat(250_000)],
    ['line feeds', '\n'.repeat(1_000_000)],
    [
      'random letters',
      Array.from({ length: 300_000 }, (_, at) => String.fromCharCode(97 + ((at * at * 7919) % 26))).join(''),
    ],
  ])('counts a million of %s in linear time', (_name, text) => {
    const started = performance.now();
    expect(count(text)).toBeGreaterThan(0);
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  it('finds the cut of a long text in well under a second', () => {
    const text = TEXTS.join('\n').repeat(80);
    const tokens = count(text);
    const started = performance.now();
    const cut = cutText(tokenizer, text, Math.floor(tokens / 2), 0);
    expect(performance.now() - started).toBeLessThan(2_000);
    expect(count(text.slice(0, cut.cutAt))).toBe(cut.cutTokens);
  });
});

it('knows ids that are published', () => {
  expect(tokenizerOf(BUILT_IN.qwen.read()).encode('你好<|im_start|>')).toEqual([108386, 151644]);
  expect(tokenizerOf(BUILT_IN.cl100k_base.read()).encode('tiktoken is great!')).toEqual([83, 1609, 5963, 374, 2294, 0]);
  expect(tokenizerOf(BUILT_IN.o200k_harmony.read()).encode('<|start|>')).toEqual([200006]);
  expect(tokenizerOf(BUILT_IN.qwen.read()).encode('<tool_call><think>')).toEqual([151657, 151667]);
  expect(tokenizerOf(BUILT_IN['qwen2.5'].read()).encode('<tool_call><think>')).toHaveLength(4);
  expect(tokenizerOf(BUILT_IN['deepseek-r1'].read()).encode('<think>')).toEqual([128798]);
});
