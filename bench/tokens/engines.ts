import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { tokenizerOf, type Vocabulary } from '@ai-gateway/tokenizer';
import { Tokenizer as HuggingFace } from '@huggingface/tokenizers';
import { Tokenizer as AiTokenizer } from 'ai-tokenizer';
import * as aiRanks from 'ai-tokenizer/encoding/o200k_base';
import gptTokenizer from 'gpt-tokenizer/encoding/o200k_base';
import { Tiktoken } from 'js-tiktoken/lite';
import jsRanks from 'js-tiktoken/ranks/o200k_base';
import { get_encoding } from 'tiktoken';
import { BUILT_IN } from '../../token-service/src/vocabularies/catalog.ts';

/** One way of counting. */
export interface Engine {
  readonly name: string;
  count(text: string): number;
  /** Empties its caches. */
  forget(): void;
}

/**
 * Special tokens are text to all of them, as they are to providers.
 * In one run of fourteen tiktoken had half its speed, as it has in V8's first tier of WebAssembly: look at its figures
 * (5 MB/s for repeated English) before comparing.
 */
export function o200kEngines(vocabulary: Vocabulary): readonly [Engine, ...Engine[]] {
  const wasm = get_encoding('o200k_base');
  const js = new Tiktoken(jsRanks);
  let ai = new AiTokenizer(aiRanks);
  return [
    ourEngine(vocabulary),
    { name: 'tiktoken (WASM)', count: (text) => wasm.encode_ordinary(text).length, forget: nothing },
    { name: 'js-tiktoken', count: (text) => js.encode(text, [], []).length, forget: nothing },
    {
      name: 'gpt-tokenizer',
      count: (text) => gptTokenizer.countTokens(text),
      forget: () => gptTokenizer.clearMergeCache(),
    },
    {
      name: 'ai-tokenizer',
      count: (text) => ai.encode(text, 'all').length,
      forget: () => {
        ai = new AiTokenizer(aiRanks);
      },
    },
  ];
}

/** No package brings a `tokenizer.json` of o200k_base, so Hugging Face's library is compared on Qwen's. */
export function qwenEngines(vocabulary: Vocabulary): readonly [Engine, ...Engine[]] {
  const { file } = BUILT_IN.qwen;
  const read = (path: string): object => JSON.parse(readFileSync(path, 'utf8'));
  const hugging = new HuggingFace(read(file), read(join(dirname(file), 'tokenizer_config.json')));
  const { model } = hugging as unknown as { readonly model: { clear_cache(): void } };
  return [
    ourEngine(vocabulary),
    {
      name: '@huggingface/tokenizers',
      count: (text) => hugging.encode(text, { add_special_tokens: false }).ids.length,
      forget: () => model.clear_cache(),
    },
  ];
}

function ourEngine(vocabulary: Vocabulary): Engine {
  let tokenizer = tokenizerOf(vocabulary);
  return {
    name: 'ours',
    count: (text) => tokenizer.count(text),
    forget: () => {
      tokenizer = tokenizerOf(vocabulary);
    },
  };
}

function nothing(): void {}
