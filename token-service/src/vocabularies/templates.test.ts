import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { TemplateInput } from '../domain/chat-template.ts';
import { templates } from './templates.ts';

beforeAll(() => vi.useFakeTimers({ now: new Date('2024-07-23T12:00:00Z'), toFake: ['Date'] }));
afterAll(() => vi.useRealTimers());

function write(name: string, messages: TemplateInput['messages'], more: Partial<TemplateInput> = {}): string {
  const render = templates(undefined).of(name);
  if (render === undefined) throw new Error(`no template ${name}`);
  return render({ messages, tools: undefined, variables: {}, ...more });
}

const user = (content: unknown) => ({ role: 'user', content });
const TOOL = {
  type: 'function',
  function: { name: 'get_weather', description: 'Weather of a city', parameters: { type: 'object', properties: {} } },
};
const CALL = {
  role: 'assistant',
  content: null,
  tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"city": "北京"}' } }],
};
const RESULT = { role: 'tool', tool_call_id: 'call_1', content: '21 °C' };

describe('writes chats as the models publish it', () => {
  it('Qwen 3', () => {
    expect(write('qwen3', [user('你好')])).toBe('<|im_start|>user\n你好<|im_end|>\n<|im_start|>assistant\n');
    expect(write('qwen3', [user('hi')], { variables: { enable_thinking: false } })).toMatch(
      /<think>\n\n<\/think>\n\n$/,
    );
    const past = { role: 'assistant', content: '<think>\nhm\n</think>\n\nyes' };
    expect(write('qwen3', [user('a'), past, user('b')])).toContain('<|im_start|>assistant\nyes<|im_end|>');
  });

  it('Qwen 3 with tools, their calls and results', () => {
    const text = write('qwen3', [user('Weather?'), CALL, RESULT], { tools: [TOOL] });
    expect(text).toContain('\n<tools>\n{"type": "function", "function": {"name": "get_weather", ');
    expect(text).toContain(
      '<tool_call>\n{"name": "get_weather", "arguments": {"city": "北京"}}\n</tool_call><|im_end|>',
    );
    expect(text).toContain('<|im_start|>user\n<tool_response>\n21 °C\n</tool_response><|im_end|>');
  });

  it('Qwen 2.5, which adds a system prompt when there is none', () => {
    expect(write('qwen2.5', [user('hi')])).toBe(
      '<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n',
    );
    const system = { role: 'system', content: 'Be brief.' };
    expect(write('qwen2.5', [system, user('hi')])).toBe(
      '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n',
    );
    const tools = write('qwen2.5', [system, user('Weather?'), CALL, RESULT, RESULT], { tools: [TOOL] });
    expect(tools).toContain('Be brief.\n\n# Tools\n\n');
    expect(tools).toContain(
      '<|im_start|>assistant\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "北京"}}',
    );
    expect(tools).toContain(
      '<|im_start|>user\n<tool_response>\n21 °C\n</tool_response>\n<tool_response>\n21 °C\n</tool_response><|im_end|>\n',
    );
  });

  it('Llama 3, with the date', () => {
    const system = { role: 'system', content: 'You are a helpful assistant' };
    expect(write('llama3', [system, user('What is the capital of France?')])).toBe(
      '<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\nToday Date: 23 Jul 2024\n\nYou are a helpful assistant<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nWhat is the capital of France?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n',
    );
  });

  it('DeepSeek V3', () => {
    const system = { role: 'system', content: 'Be brief.' };
    expect(write('deepseek-v3', [system, user('hi'), { role: 'assistant', content: 'yo' }, user('bye')])).toBe(
      '<｜begin▁of▁sentence｜>Be brief.<｜User｜>hi<｜Assistant｜>yo<｜end▁of▁sentence｜><｜User｜>bye<｜Assistant｜>',
    );
    expect(write('deepseek-v3', [user('Weather?'), CALL, RESULT])).toContain(
      'get_weather\n```json\n{"city": "北京"}\n```',
    );
  });

  it('Mistral Nemo', () => {
    expect(write('mistral-nemo', [user('hi')])).toBe('<s>[INST]hi[/INST]');
  });

  it('Gemma 3, which refuses two messages of one role', () => {
    expect(() => write('gemma3', [user('a'), user('b')])).toThrow('alternate');
    expect(write('gemma3', [{ role: 'system', content: 'Be brief.' }, user('hi')])).toBe(
      '<bos><start_of_turn>user\nBe brief.\n\nhi<end_of_turn>\n<start_of_turn>model\n',
    );
  });

  it('Harmony', () => {
    const text = write('harmony', [{ role: 'system', content: 'Be brief.' }, user('hi'), CALL, RESULT], {
      tools: [TOOL],
    });
    expect(text).toContain('Current date: 2024-07-23\n\nReasoning: medium\n\n');
    expect(text).toContain('<|start|>developer<|message|># Instructions\n\nBe brief.');
    expect(text).toContain('<|start|>user<|message|>hi<|end|>');
    expect(text).toMatch(/<\|start\|>assistant$/);
  });
});

it('joins text parts as vLLM does', () => {
  const parts = [
    { type: 'text', text: 'a' },
    { type: 'image_url', image_url: { url: 'x' } },
    { type: 'text', text: 'b' },
  ];
  expect(write('qwen3', [user(parts)])).toContain('user\na\nb<|im_end|>');
});

it("takes an operator's template from the folder of its vocabulary", () => {
  const folder = mkdtempSync(join(tmpdir(), 'templates-'));
  mkdirSync(join(folder, 'mine'));
  const config = { chat_template: '{{ bos_token }}{{ messages[0].content }}', bos_token: { content: '<s>' } };
  writeFileSync(join(folder, 'mine/tokenizer_config.json'), JSON.stringify(config));
  expect(templates(folder).of('mine')?.({ messages: [user('hi')], tools: undefined, variables: {} })).toBe('<s>hi');
  expect(templates(folder).of('openai')).toBeUndefined();
  expect(templates(folder).of('../mine')).toBeUndefined();
});
