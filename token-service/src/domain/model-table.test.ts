import { describe, expect, it } from 'vitest';
import { bareModelName, MODEL_TABLE, modelLookup } from './model-table.ts';

const { familyOf } = modelLookup(MODEL_TABLE);

describe('the table of models', () => {
  it.each([
    // name, vocabulary, template, exact texts, exact chats
    ['gpt-4o-2024-08-06', 'o200k_base', 'openai', true, true],
    ['openai/gpt-4o-mini', 'o200k_base', 'openai', true, true],
    ['ft:gpt-4o-mini-2024-07-18:acme::id', 'o200k_base', 'openai', true, true],
    ['gpt-5-mini', 'o200k_base', 'openai', true, false],
    ['o3-mini', 'o200k_base', 'openai', true, false],
    ['gpt-oss-120b', 'o200k_harmony', 'harmony', true, false],
    ['gpt-4-turbo', 'cl100k_base', 'openai', true, true],
    ['gpt-35-turbo', 'cl100k_base', 'openai', true, true],
    ['text-embedding-3-small', 'cl100k_base', null, true, false],
    ['text-embedding-v4', 'o200k_base', 'openai', false, false],
    ['gpt-4o-realtime-preview', 'o200k_base', 'openai', true, false],
    ['gpt-3.5-turbo-0301', 'cl100k_base', 'openai', true, false],
    ['gpt-4-x-alpaca-13b', 'o200k_base', 'openai', false, false],
    ['ft:gpt-4o-2024-08-06:org/x:a:1', 'o200k_base', 'openai', true, true],
    ['Qwen3-8B', 'qwen', 'qwen3', true, true],
    ['Qwen/Qwen3-235B-A22B-Instruct-2507', 'qwen', 'qwen3', true, false],
    ['Qwen3-32B-Instruct', 'qwen', 'qwen3', true, true],
    ['Qwen3-30B-A3B-FP8', 'qwen', 'qwen3', true, true],
    ['qwen3-8b-base', 'qwen', null, true, false],
    ['qwen3-max', 'qwen', 'qwen3', true, false],
    ['qwen3.5-plus', 'o200k_base', 'openai', false, false],
    ['Qwen2.5-72B-Instruct-GPTQ-int4', 'qwen2.5', 'qwen2.5', true, true],
    ['qwen2.5:7b-instruct-q4_K_M', 'qwen2.5', 'qwen2.5', true, false],
    ['qwen-plus', 'qwen', 'qwen3', false, false],
    ['Qwen2.5-VL-72B', 'qwen2.5', 'qwen2.5', true, false],
    ['QWQ-32B', 'qwen', 'qwen3', true, false],
    ['deepseek-ai/DeepSeek-V3', 'deepseek', 'deepseek-v3', true, true],
    ['Deepseek-R1', 'deepseek-r1', 'deepseek-v3', true, false],
    ['us.deepseek.r1-v1:0', 'deepseek-r1', 'deepseek-v3', true, false],
    ['DeepSeek-R1-0528-Qwen3-8B', 'qwen', 'deepseek-v3', false, false],
    ['deepseek-r1:8b-0528-qwen3-q4_K_M', 'qwen', 'deepseek-v3', false, false],
    ['deepseek-chat', 'deepseek-r1', 'deepseek-v3', true, false],
    ['DeepSeek-R1-Distill-Qwen-32B', 'qwen', 'deepseek-v3', false, false],
    ['Deepseek-R1-70B', 'llama3', 'deepseek-v3', false, false],
    ['deepseek-r1:7b', 'qwen', 'deepseek-v3', false, false],
    ['meta-llama/Llama-3.1-8B-Instruct', 'llama3', 'llama3', true, true],
    ['Meta-Llama-3.3-70B-Instruct-AWQ', 'llama3', 'llama3', true, true],
    ['us.meta.llama3-1-70b-instruct-v1:0', 'llama3', 'llama3', true, false],
    ['codellama:34b', 'o200k_base', 'openai', false, false],
    ['llama-30b', 'o200k_base', 'openai', false, false],
    ['open_llama_3b', 'o200k_base', 'openai', false, false],
    ['llama3:8b', 'llama3', 'llama3', true, false],
    ['llama-4-scout', 'o200k_base', 'openai', false, false],
    ['google/gemma-3-27b-it', 'gemma3', 'gemma3', true, true],
    ['gemma2-9b-it', 'gemma3', 'openai', false, false],
    ['gemini-2.5-pro', 'gemma3', 'openai', false, false],
    ['Mistral-Nemo-Instruct-2407', 'tekken', 'mistral-nemo', true, true],
    ['mistral-large-latest', 'tekken', 'openai', false, false],
    ['claude-sonnet-4-20250514', 'o200k_base', 'openai', false, false],
    ['glm-4.5', 'o200k_base', 'openai', false, false],
    ['kimi-k2', 'o200k_base', 'openai', false, false],
    ['', 'o200k_base', 'openai', false, false],
  ])('%s', (model, ...expected) => {
    const { vocabulary, template, exact_text, exact_chat } = familyOf(model);
    expect([vocabulary, template, exact_text, exact_chat]).toEqual(expected);
  });

  it('ends with a row for everything', () => {
    expect(MODEL_TABLE.at(-1)?.match).toEqual(['*']);
  });

  it('tries its rows in order, and # takes numbers only', () => {
    const row = (match: string, vocabulary: string) => ({
      match: [match],
      vocabulary,
      template: null,
      exact_text: true,
      exact_chat: false,
    });
    const own = modelLookup([row('mine-#b', 'numbered'), row('mine-*', 'rest'), row('*', 'any')]);
    expect(['mine-7b', 'mine-1.5b', 'mine-xb', 'yours'].map((model) => own.familyOf(model).vocabulary)).toEqual([
      'numbered',
      'numbered',
      'rest',
      'any',
    ]);
  });
});

it('takes from a name what does not change its tokens', () => {
  expect(bareModelName('Azure/OpenAI/GPT-4o')).toBe('gpt-4o');
  for (const region of ['eu', 'jp', 'us-gov', 'apac'])
    expect(bareModelName(`${region}.anthropic.claude-3-haiku-v1:0`)).toBe('claude-3-haiku-v1-0');
  expect(bareModelName('ft:gpt-4o:org/x')).toBe('gpt-4o');
});
