import { expect, it } from 'vitest';
import { suggestedModels } from './suggestions.ts';

it('suggests each name once, and nothing that is no name', () => {
  const row = (...match: string[]) => ({
    match,
    vocabulary: 'v',
    template: null,
    exact_text: true,
    exact_chat: false,
  });
  const table = [row('gpt-4o*', 'o3', 'o3-*'), row('qwen3-#b', '*llama-3*', 'gpt-4o'), row('*')];
  expect(suggestedModels(table)).toEqual(['gpt-4o', 'o3']);
});
