import { expect, it } from 'vitest';
import { imageFormulaOf } from './image-formula.ts';

it.each([
  ['claude-sonnet-4-20250514', 'anthropic'],
  ['claude-opus-4-7', 'anthropic'],
  ['gemini-2.5-pro', 'gemini'],
  ['gemini-3-pro', 'none'],
  ['qwen2.5-vl-72b-instruct', 'qwen-vl'],
  ['qwen3-vl-8b', 'qwen-vl'],
  ['gpt-4o-mini', 'openai-tiles'],
  ['gpt-4.1-mini', 'openai-patches'],
  ['mistral-large', 'none'],
])('%s counts images by %s', (model, kind) => {
  expect(imageFormulaOf(model).kind).toBe(kind);
});
