import { modelName } from '@ai-gateway/contracts';
import { z } from 'zod';
import { isSet, type JsonObject, objectIn, objectsIn, textIn } from '../json-fields.ts';
import type { NotedLosses } from '../losses.ts';
import { type Chat, chatFrom, checked, MAX_OUTPUT_TOKENS, parseJson, withoutProvider } from '../openai-chat.ts';

/** Keys on which the gateway decides: each may occur only once. */
const DECIDING_KEYS = new Set(['model', 'messages', 'system', 'stream', 'max_tokens', 'tools', 'thinking']);

const blocks = z.union([z.string(), z.array(z.looseObject({ type: z.string() }))]);

/** The fields that are decided on or translated; all others pass through to providers that know them. */
const messagesBody = z.looseObject({
  model: modelName,
  max_tokens: z.number().int().min(1).max(MAX_OUTPUT_TOKENS),
  messages: z
    .array(z.looseObject({ role: z.enum(['user', 'assistant', 'system']), content: blocks }))
    .min(1)
    .max(2048),
  system: blocks.nullish(),
  stream: z.boolean().nullish(),
  stop_sequences: z.array(z.string()).max(64).nullish(),
  tools: z
    .array(z.looseObject({ name: z.string().optional() }))
    .max(128)
    .nullish(),
});

type MessagesBody = z.infer<typeof messagesBody>;

/** The same for a question of how many tokens a request has, which names no maximum. */
const countBody = messagesBody.partial({ max_tokens: true });

/**
 * Reads a request of `POST /v1/messages`.
 * @throws GatewayError `invalid_json`, `invalid_request`, `invalid_max_tokens`, each with the field at fault
 */
export function parseMessages(bytes: Uint8Array): Chat {
  const body = checked(messagesBody, parseJson(bytes, DECIDING_KEYS));
  return chatFrom(body, body.max_tokens, chatBody);
}

/**
 * Reads a request of `POST /v1/messages/count_tokens`.
 * @throws GatewayError `invalid_json`, `invalid_request`, each with the field at fault
 */
export function parseCount(bytes: Uint8Array): Chat {
  return chatFrom(checked(countBody, parseJson(bytes, DECIDING_KEYS)), undefined, chatBody);
}

type Read = z.infer<typeof countBody>;

/** The body for a provider that speaks this protocol itself. */
export function messagesUpstreamBody({ original }: Chat, resolvedModel: string, maxTokens: number | undefined): string {
  const { thinking } = original;
  const body = {
    ...withoutProvider(original),
    model: resolvedModel,
    ...(maxTokens !== undefined && { max_tokens: maxTokens }),
  };
  return JSON.stringify({ ...body, ...(isSet(thinking) && { thinking: thinkingWithin(thinking, maxTokens) }) });
}

/** Anthropic demands a thinking budget of at least 1,024 tokens and less than the maximum of the answer. */
const LEAST_THINKING_TOKENS = 1024;

/** The thinking that is left room for by a maximum that a policy may have lowered. */
export function thinkingWithin(thinking: unknown, maxTokens: number | undefined): unknown {
  const budget = objectIn(thinking)?.budget_tokens;
  if (typeof budget !== 'number' || maxTokens === undefined || budget < maxTokens) return thinking;
  if (maxTokens <= LEAST_THINKING_TOKENS) return { type: 'disabled' };
  return { ...objectIn(thinking), budget_tokens: maxTokens - 1 };
}

/** Fields that are translated, or are no loss: where nothing is cached by request, there is nothing to control. */
const TRANSLATED = new Set([
  'model',
  'max_tokens',
  'messages',
  'system',
  'stream',
  'stop_sequences',
  'tools',
  'tool_choice',
  'temperature',
  'top_p',
  'metadata',
  'thinking',
  'output_config',
  'output_format',
  'cache_control',
]);

/** Fields that both forms have. */
const SAME = ['max_tokens', 'stream', 'temperature', 'top_p'];

/** Fields without which the answer would be another. */
const VITAL = new Set(['mcp_servers', 'container']);

/** The request in the form of chat completions. What that form cannot carry is noted. */
function chatBody(body: Read, losses: NotedLosses): Chat['body'] {
  const { model, stop_sequences, tools, thinking } = body;
  for (const [name, value] of Object.entries(body)) {
    if (!TRANSLATED.has(name) && isSet(value)) losses.note(name, VITAL.has(name) ? 'vital' : 'minor');
  }
  const same = SAME.filter((name) => isSet(body[name])).map((name) => [name, body[name]]);
  const config = objectIn(body.output_config);
  const format = objectIn(config?.format) ?? objectIn(body.output_format);
  const effort = effortOf(thinking, config?.effort);
  const user = objectIn(body.metadata)?.user_id;
  return {
    model,
    messages: [
      ...systemMessages(body.system, losses),
      ...body.messages.flatMap((message, index) => chatMessages(message, `messages.${index}`, losses)),
    ],
    ...Object.fromEntries(same),
    ...(stop_sequences?.length && { stop: stop_sequences }),
    ...(tools?.length && { tools: tools.map((tool, index) => chatTool(tool, `tools.${index}`, losses)) }),
    ...toolChoice(body.tool_choice),
    ...(isSet(user) && { user }),
    ...(format && { response_format: jsonSchema(format) }),
    ...(effort !== undefined && { reasoning_effort: effort }),
  };
}

function systemMessages(system: MessagesBody['system'], losses: NotedLosses) {
  if (system === undefined || system === null || system.length === 0) return [];
  const content = typeof system === 'string' ? system : system.map((block) => textIn(block.text)).join('\n\n');
  if (typeof system !== 'string' && system.some(({ type }) => type !== 'text')) losses.note('system', 'vital');
  return [{ role: 'system', content }];
}

/** One message may become several: each tool result is a message of its own in chat completions, before the rest. */
function chatMessages(
  { role, content }: MessagesBody['messages'][number],
  path: string,
  losses: NotedLosses,
): { role: string; content: unknown }[] {
  if (typeof content === 'string') return [{ role, content }];
  if (role === 'assistant') return [assistantMessage(content, path, losses)];
  const results = content.filter(({ type }) => type === 'tool_result');
  const others = content.filter(({ type }) => type !== 'tool_result');
  const messages = results.map((result) => toolMessage(result, path, losses));
  return others.length === 0 ? messages : [...messages, { role, content: chatContent(others, path, losses) }];
}

/** A single text is plain text, which every provider takes. */
function chatContent(blocks: readonly JsonObject[], path: string, losses: NotedLosses): unknown {
  const parts = blocks.flatMap((block) => chatPart(block, path, losses));
  const [first] = parts;
  return parts.length === 1 && first?.type === 'text' ? first.text : parts;
}

const ASSISTANT_BLOCKS = new Set(['text', 'thinking', 'redacted_thinking', 'tool_use']);

/** Signatures of thinking mean something to Anthropic alone, so only its text is kept. */
function assistantMessage(content: readonly JsonObject[], path: string, losses: NotedLosses) {
  const ofType = (wanted: string) => content.filter(({ type }) => type === wanted);
  if (content.some(({ type }) => !ASSISTANT_BLOCKS.has(textIn(type)))) losses.note(path, 'vital');
  const text = ofType('text').map((block) => textIn(block.text));
  const reasoning = ofType('thinking').map((block) => textIn(block.thinking));
  const calls = ofType('tool_use').map(({ id, name, input }) => ({
    id,
    type: 'function',
    function: { name, arguments: JSON.stringify(input ?? {}) },
  }));
  return {
    role: 'assistant',
    content: text.length === 0 ? null : text.join(''),
    ...(reasoning.length > 0 && { reasoning_content: reasoning.join('') }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}

function toolMessage({ tool_use_id, content }: JsonObject, path: string, losses: NotedLosses) {
  const blocks = objectsIn(content);
  const isText = blocks.every(({ type }) => type === 'text');
  const text = typeof content === 'string' ? content : blocks.map((block) => textIn(block.text)).join('\n');
  return {
    role: 'tool',
    tool_call_id: tool_use_id,
    content: isText ? text : blocks.flatMap((block) => chatPart(block, path, losses)),
  };
}

function chatPart(block: JsonObject, path: string, losses: NotedLosses): readonly JsonObject[] {
  const { type, title } = block;
  const source = objectIn(block.source) ?? {};
  const isInline = source.type === 'base64';
  if (type === 'text') return [{ type: 'text', text: textIn(block.text) }];
  if (type === 'image' && (isInline || source.type === 'url')) {
    return [{ type: 'image_url', image_url: { url: isInline ? dataUrl(source) : textIn(source.url) } }];
  }
  if (type === 'document' && source.type === 'text') return [{ type: 'text', text: textIn(source.data) }];
  if (type === 'document' && isInline) {
    const filename = textIn(title) || 'document.pdf';
    return [{ type: 'file', file: { filename, file_data: dataUrl(source) } }];
  }
  losses.note(path, 'vital');
  return [];
}

function dataUrl({ media_type, data }: JsonObject): string {
  return `data:${textIn(media_type)};base64,${textIn(data)}`;
}

function chatTool(tool: JsonObject, path: string, losses: NotedLosses): JsonObject {
  const { type, name, description, input_schema, strict } = tool;
  if (isSet(type) && type !== 'custom') losses.note(path, 'vital');
  const parameters = input_schema ?? { type: 'object', properties: {} };
  return {
    type: 'function',
    function: { name, ...(isSet(description) && { description }), parameters, ...(strict === true && { strict }) },
  };
}

const CHOICES: Readonly<Record<string, string>> = { auto: 'auto', any: 'required', none: 'none' };

function toolChoice(choice: unknown): JsonObject {
  const given = objectIn(choice);
  if (given === undefined) return {};
  const named = { type: 'function', function: { name: given.name } };
  return {
    tool_choice: CHOICES[textIn(given.type)] ?? named,
    ...(given.disable_parallel_tool_use === true && { parallel_tool_calls: false }),
  };
}

function jsonSchema({ schema, name }: JsonObject): JsonObject {
  return { type: 'json_schema', json_schema: { name: textIn(name) || 'answer', schema, strict: true } };
}

/** Least thinking budget, in tokens, that an effort stands for. */
const EFFORTS = [
  { effort: 'high', budgetTokens: 16_384 },
  { effort: 'medium', budgetTokens: 4_096 },
  { effort: 'low', budgetTokens: 1 },
] as const;

function effortOf(thinking: unknown, effort: unknown): string | undefined {
  const given = objectIn(thinking);
  if (given?.type === 'disabled') return undefined;
  if (typeof effort === 'string') return effort === 'max' ? 'xhigh' : effort;
  if (given?.type === 'adaptive') return 'medium';
  const budget = given?.budget_tokens;
  return typeof budget === 'number' ? EFFORTS.find(({ budgetTokens }) => budget >= budgetTokens)?.effort : undefined;
}
