import { tokenizerOf } from '@ai-gateway/tokenizer';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { troubleText } from '../../../tokenizer/test/support/texts.ts';
import { openAiVocabulary } from '../vocabularies/openai.ts';
import { cachedCount } from './cached-count.ts';

const tokenizer = tokenizerOf(openAiVocabulary('cl100k_base'));

const longText = fc
  .array(fc.oneof(troubleText, fc.lorem({ maxCount: 40 })), { minLength: 20, maxLength: 120 })
  .map((parts) => parts.join(' ').repeat(8));

it('counts as the tokenizer does, whatever it remembers', () => {
  const cache = cachedCount();
  fc.assert(
    fc.property(longText, longText, (text, more) => {
      expect(cache.count(tokenizer, text)).toBe(tokenizer.count(text));
      expect(cache.count(tokenizer, text + more)).toBe(tokenizer.count(text + more));
    }),
    { numRuns: 150 },
  );
  expect(cache.hits()).toBeGreaterThan(100);
});

it('counts of a conversation that grows only what is new', () => {
  const cache = cachedCount();
  let conversation = 'You are a helpful assistant. '.repeat(400);
  cache.count(tokenizer, conversation);
  const firstTime = cache.misses();
  for (let turn = 0; turn < 50; turn++) {
    conversation += ` And then, in turn ${turn}, she asked: why? `.repeat(5);
    cache.count(tokenizer, conversation);
  }
  expect(firstTime).toBeGreaterThan(3);
  expect(cache.misses() - firstTime).toBeLessThan(10);
});

it('takes texts without any boundary', () => {
  const cache = cachedCount();
  expect(cache.count(tokenizer, '-'.repeat(20_000))).toBe(tokenizer.count('-'.repeat(20_000)));
});
