import type { Tokenizer } from '../tokenizers/tokenizer.ts';
import type { Family } from './choose-vocabulary.ts';

/** A message as clients send it. */
export interface ChatMessage {
  readonly role: string;
  readonly content?: unknown;
  readonly [field: string]: unknown;
}

/** Tokens of a prompt; `exact` when they equal what the provider reports. */
export interface ChatCount {
  readonly tokens: number;
  readonly exact: boolean;
}

/** Tokens of an image whose size is not known: a 512 x 512 tile plus the base, OpenAI's published figures for gpt-4o. */
const IMAGE_TOKENS = 255;

/** Tokens of a chat prompt in the family's own template. */
export function countChat(
  family: Family,
  messages: readonly ChatMessage[],
  tools: readonly unknown[] | undefined,
  count: Tokenizer['count'],
): ChatCount {
  const hasTools = tools !== undefined && tools.length > 0;
  const isPlain = !hasTools && messages.every(isPlainMessage);
  const tokens =
    family.template === 'qwen2.5' || family.template === 'qwen3'
      ? countQwen(family.template, messages, tools, count)
      : countOpenAi(messages, tools, count);
  // Qwen 3 treats an answer that is to be continued in a way of its own.
  const isContinued = family.template === 'qwen3' && messages.at(-1)?.role === 'assistant';
  return { tokens: tokens + IMAGE_TOKENS * imagesIn(messages), exact: family.isExactChat && isPlain && !isContinued };
}

/**
 * OpenAI's cookbook ("How to count tokens with tiktoken"): 3 tokens per message, 1 more for a name, 3 for the reply's
 * start. Tools are counted as compact JSON, which is close but not exact, because their rendering is not published.
 */
function countOpenAi(
  messages: readonly ChatMessage[],
  tools: readonly unknown[] | undefined,
  count: Tokenizer['count'],
): number {
  let tokens = 3;
  for (const message of messages) {
    tokens += 3 + count(message.role) + count(textOf(message.content));
    if (typeof message.name === 'string') tokens += 1 + count(message.name);
    if (Array.isArray(message.tool_calls)) tokens += count(JSON.stringify(message.tool_calls));
  }
  return tools === undefined || tools.length === 0 ? tokens : tokens + count(JSON.stringify(tools));
}

/** System prompt that Qwen 2.5's template adds when there is none. */
const QWEN25_SYSTEM = 'You are Qwen, created by Alibaba Cloud. You are a helpful assistant.';

/** Qwen's ChatML template as published in its tokenizer_config.json, rendered as text and counted with its added tokens. */
function countQwen(
  template: 'qwen2.5' | 'qwen3',
  messages: readonly ChatMessage[],
  tools: readonly unknown[] | undefined,
  count: Tokenizer['count'],
): number {
  const [first] = messages;
  const given = first?.role === 'system' ? textOf(first.content) : undefined;
  const system = given ?? (template === 'qwen2.5' ? QWEN25_SYSTEM : undefined);
  const rest = given === undefined ? messages : messages.slice(1);
  const head = tools === undefined || tools.length === 0 ? system : toolPreamble(system, tools);
  const turns = rest.map((message, index) => {
    const content = template === 'qwen3' ? withoutThinking(message) : textOf(message.content);
    return qwenTurn({ ...message, content }, rest[index - 1]?.role, rest[index + 1]?.role);
  });
  const opening = head === undefined ? '' : `<|im_start|>system\n${head}<|im_end|>\n`;
  return count(`${opening}${turns.join('')}<|im_start|>assistant\n`);
}

function qwenTurn(message: ChatMessage, roleBefore: string | undefined, roleAfter: string | undefined): string {
  const content = textOf(message.content);
  if (message.role === 'tool') {
    const opening = roleBefore === 'tool' ? '' : '<|im_start|>user';
    const closing = roleAfter === 'tool' ? '' : '<|im_end|>\n';
    return `${opening}\n<tool_response>\n${content}\n</tool_response>${closing}`;
  }
  const calls = Array.isArray(message.tool_calls) ? message.tool_calls : [];
  const rendered = calls.map((call, index) => `${index > 0 || content !== '' ? '\n' : ''}${qwenCall(call)}`);
  return `<|im_start|>${message.role}\n${content}${rendered.join('')}<|im_end|>\n`;
}

/** Qwen 3 is given its past answers back without their reasoning. */
function withoutThinking({ role, content }: ChatMessage): string {
  const text = textOf(content);
  if (role !== 'assistant' || !text.includes('</think>')) return text;
  return (text.split('</think>').at(-1) ?? '').replace(/^\n+/, '');
}

function qwenCall(call: unknown): string {
  const named = (call as { function?: { name?: unknown; arguments?: unknown } } | null)?.function;
  const given = named?.arguments;
  const text = typeof given === 'string' ? given : pythonJson(given ?? {});
  return `<tool_call>\n{"name": "${String(named?.name ?? '')}", "arguments": ${text}}\n</tool_call>`;
}

function toolPreamble(system: string | undefined, tools: readonly unknown[]): string {
  const opening = system === undefined ? '' : `${system}\n\n`;
  const list = tools.map((tool) => `\n${pythonJson(tool)}`).join('');
  return `${opening}# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are provided with function signatures within <tools></tools> XML tags:\n<tools>${list}\n</tools>\n\nFor each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>`;
}

/** JSON with the spaces that Python's encoder, and so the template's `tojson`, puts after commas and colons. */
function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  return `{${Object.entries(value)
    .map(([key, item]) => `${JSON.stringify(key)}: ${pythonJson(item)}`)
    .join(', ')}}`;
}

function isPlainMessage(message: ChatMessage): boolean {
  const { content } = message;
  const isText =
    typeof content === 'string' || (Array.isArray(content) && content.every((part) => typeOf(part) === 'text'));
  return isText && message.tool_calls === undefined && message.role !== 'tool';
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content
    .map((part) => (typeOf(part) === 'text' ? String((part as { text?: unknown }).text ?? '') : ''))
    .join('');
}

function imagesIn(messages: readonly ChatMessage[]): number {
  return messages
    .flatMap(({ content }) => (Array.isArray(content) ? content : []))
    .filter((part) => typeOf(part) === 'image_url').length;
}

function typeOf(part: unknown): unknown {
  return typeof part === 'object' && part !== null ? (part as { type?: unknown }).type : undefined;
}
