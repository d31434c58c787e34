import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countMockTokens, mockTokens } from './mock-tokens.ts';

describe('mock tokens', () => {
  it.each([
    ['', 0],
    ['   ', 1],
    ['one two  three', 3],
    ['你好 世界', 4],
    ['hi 你 x', 3],
    ['🚀🚀', 2],
    ['end \n', 1],
  ])('counts %j as %i', (text, tokens) => {
    expect(countMockTokens(text)).toBe(tokens);
  });

  it('are together the text again, whatever the text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => mockTokens(text).join('') === text));
  });
});
