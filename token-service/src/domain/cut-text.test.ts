import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TEXTS, troubleText } from '../../test/support/texts.ts';
import { tokenizerOf } from '../tokenizers/tiktoken.ts';
import { cutText } from './cut-text.ts';

describe.each(['cl100k_base', 'o200k_base', 'qwen'] as const)('%s', (name) => {
  const tokenizer = tokenizerOf(name);
  const { encode, count, isSafeBoundary } = tokenizer;

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
      { numRuns: 5_000 },
    );
  });

  it('cuts so that the prefix fits and one more character would not', () => {
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
      { numRuns: 5_000 },
    );
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
