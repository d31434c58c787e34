import { describe, expect, it } from 'vitest';
import { countMockTokens } from './mock-tokens.ts';
import { STYLES, styleOf, writeText } from './vocabulary.ts';

describe('the answer text', () => {
  it.each(STYLES)('is the same for the same seed and prompt, in style %s', (style) => {
    const spec = { seed: 7, prompt: 'hello', style, words: 50 };
    expect(writeText(spec)).toBe(writeText(spec));
  });

  // Pins the generator: recorded expectations elsewhere depend on it.
  it('does not change between versions', () => {
    expect(writeText({ seed: 1, prompt: 'hello', style: 'en', words: 5 })).toMatchInlineSnapshot(
      `"Green stone letter in. Quiet."`,
    );
  });

  it('differs by seed and by prompt', () => {
    const spec = { seed: 1, prompt: 'hello', style: 'en', words: 20 } as const;
    const texts = [spec, { ...spec, seed: 2 }, { ...spec, prompt: 'other' }].map(writeText);
    expect(new Set(texts).size).toBe(3);
  });

  it.each([0, 1, 17, 500])('has exactly %i words in English, each one mock token', (words) => {
    expect(countMockTokens(writeText({ seed: 0, prompt: '', style: 'en', words }))).toBe(words);
  });

  it.each([
    ['How are you?', 'en'],
    ['你好', 'zh'],
    ['🚀🎉', 'emoji'],
    ['fix ```js\nx```', 'code'],
    ['Party 🎉', 'en'],
  ])('takes its style from the prompt %j', (prompt, style) => {
    expect(styleOf(prompt)).toBe(style);
  });
});
