import { createRequire } from 'node:module';
import { partsOf, type Vocabulary } from '@ai-gateway/tokenizer';
import { javascriptPattern } from './pattern.ts';

const require = createRequire(import.meta.url);

/**
 * OpenAI's vocabulary as the `tiktoken` package ships it: lines `! <first rank> <base64> <base64> …`. Its special
 * tokens are not special inside texts, because the API does not let clients write them.
 */
export function openAiVocabulary(name: 'cl100k_base' | 'o200k_base'): Vocabulary {
  const file = require(`tiktoken/encoders/${name}.json`) as { bpe_ranks: string; pat_str: string };
  const ranks = new Map<string, number>();
  const ids: number[] = [];
  for (const line of file.bpe_ranks.split('\n')) {
    const [mark, first, ...tokens] = line.split(' ');
    if (mark !== '!') continue;
    for (const [index, token] of tokens.entries()) {
      ranks.set(Buffer.from(token, 'base64').toString('latin1'), ranks.size);
      ids.push(Number(first) + index);
    }
  }
  return {
    name,
    unit: 'byte',
    ranks,
    parts: partsOf(ranks),
    ids: Int32Array.from(ids),
    split: { kind: 'patterns', patterns: [javascriptPattern(file.pat_str)] },
    normalization: 'none',
    spaceAs: undefined,
    addedTokens: [],
    hasSafeBoundaries: true,
  };
}
