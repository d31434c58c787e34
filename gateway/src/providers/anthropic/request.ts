import { GatewayError } from '../../domain/gateway-error.ts';
import { thinkingWithin } from '../../protocols/anthropic/request.ts';
import { isSet, type JsonObject, objectIn, objectsIn, parseObject, textIn } from '../../protocols/json-fields.ts';
import { type NotedLosses, newLosses } from '../../protocols/losses.ts';
import type { ChatCall, TranslatedCall } from '../dialect.ts';
import { dataUrlParts, noteUnknown, refused } from '../translating.ts';

/** Anthropic demands a maximum; this one every model of it allows. */
const DEFAULT_MAX_TOKENS = 4096;

/** Room for the answer behind a thinking budget, when nobody names a maximum. */
const ANSWER_TOKENS = 4096;

/** Thinking budgets for OpenAI's efforts, in tokens. Anthropic takes at least 1,024. */
const BUDGETS: Readonly<Record<string, number>> = { low: 1024, medium: 4096, high: 16_384, xhigh: 32_768 };

/** Fields that are translated or say nothing where nothing is streamed, stored or drawn apart. */
const TRANSLATED = new Set([
  'model',
  'messages',
  'stream',
  'stream_options',
  'max_tokens',
  'max_completion_tokens',
  'n',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'stop',
  'temperature',
  'top_p',
  'top_k',
  'user',
  'safety_identifier',
  'reasoning_effort',
  'thinking',
  'response_format',
]);

/** A chat completion request as Anthropic's messages (its API reference, "Create a message"). */
export function messagesRequest({ body, model, isStream, maxTokens }: ChatCall): TranslatedCall {
  const losses = newLosses();
  noteUnknown(body, TRANSLATED, losses);
  if (typeof body.n === 'number' && body.n > 1) losses.note('n', 'vital');

  const thinking = thinkingOf(body, maxTokens, losses);
  const budget = objectIn(thinking)?.budget_tokens;
  const max = maxTokens ?? (typeof budget === 'number' ? budget + ANSWER_TOKENS : DEFAULT_MAX_TOKENS);
  const { system, messages } = conversation(objectsIn(body.messages));
  const user = body.safety_identifier ?? body.user;
  return {
    losses,
    body: {
      model,
      max_tokens: max,
      ...(system.length > 0 && { system }),
      messages,
      ...(isStream && { stream: true }),
      ...sampling(body, thinking !== undefined, losses),
      ...stops(body.stop),
      ...toolsOf(body, losses),
      ...(isSet(user) && { metadata: { user_id: user } }),
      ...(thinking !== undefined && { thinking }),
      ...outputConfig(body.response_format, losses),
    },
  };
}

/** Thinking is off where Anthropic would refuse it: with a forced tool, or amid calls whose thinking was not kept. */
function thinkingOf(body: JsonObject, maxTokens: number | undefined, losses: NotedLosses): unknown {
  const budget_tokens = BUDGETS[textIn(body.reasoning_effort)];
  const wanted = body.thinking ?? (budget_tokens === undefined ? undefined : { type: 'enabled', budget_tokens });
  if (!isSet(wanted)) return undefined;
  const thinking = thinkingWithin(wanted, maxTokens);
  const isOff = objectIn(thinking)?.type === 'disabled';
  const isForced = body.tool_choice === 'required' || objectIn(body.tool_choice) !== undefined;
  if (!isOff && !isForced && !callsWithoutThinking(body)) return thinking;
  if (objectIn(wanted)?.type !== 'disabled') {
    losses.note(isSet(body.thinking) ? 'thinking' : 'reasoning_effort', 'minor');
  }
  return undefined;
}

function callsWithoutThinking({ messages }: JsonObject): boolean {
  const last = objectsIn(messages).findLast(({ role }) => role === 'assistant');
  return objectsIn(last?.tool_calls).length > 0 && objectsIn(last?.thinking_blocks).length === 0;
}

/** Anthropic's temperature ends at 1, and is fixed while it thinks. */
function sampling({ temperature, top_p, top_k }: JsonObject, isThinking: boolean, losses: NotedLosses): JsonObject {
  if (isThinking) {
    for (const [name, value] of Object.entries({ temperature, top_p, top_k })) {
      if (isSet(value) && value !== 1) losses.note(name, 'minor');
    }
    return {};
  }
  if (typeof temperature === 'number' && temperature > 1) losses.note('temperature', 'minor');
  return {
    ...(isSet(temperature) && {
      temperature: typeof temperature === 'number' ? Math.min(1, temperature) : temperature,
    }),
    ...(isSet(top_p) && { top_p }),
    ...(isSet(top_k) && { top_k }),
  };
}

/** Anthropic refuses a stop sequence of white space alone. */
function stops(stop: unknown): JsonObject {
  const given = typeof stop === 'string' ? [stop] : stop;
  const sequences = Array.isArray(given) ? given.filter((sequence) => textIn(sequence).trim() !== '') : [];
  return sequences.length === 0 ? {} : { stop_sequences: sequences };
}

function toolsOf({ tools, tool_choice, parallel_tool_calls }: JsonObject, losses: NotedLosses): JsonObject {
  const given = objectsIn(tools);
  if (given.length === 0) return {};
  given.forEach((tool, index) => {
    if (tool.type !== 'function') losses.note(`tools.${index}`, 'vital');
  });
  const choice = toolChoice(tool_choice);
  const isSerial = parallel_tool_calls === false;
  const chosen =
    isSerial && choice?.type !== 'none' ? { type: 'auto', ...choice, disable_parallel_tool_use: true } : choice;
  return { tools: given.map(toolOf), ...(chosen !== undefined && { tool_choice: chosen }) };
}

function toolOf(tool: JsonObject): JsonObject {
  const { name, description, parameters, strict } = objectIn(tool.function) ?? {};
  return {
    name,
    ...(isSet(description) && { description }),
    input_schema: parameters ?? { type: 'object', properties: {} },
    ...(strict === true && { strict }),
    ...cacheControl(tool),
  };
}

function toolChoice(choice: unknown): JsonObject | undefined {
  if (choice === 'auto' || choice === 'none') return { type: choice };
  if (choice === 'required') return { type: 'any' };
  const name = objectIn(objectIn(choice)?.function)?.name;
  return name === undefined ? undefined : { type: 'tool', name };
}

function outputConfig(format: unknown, losses: NotedLosses): JsonObject {
  const { type, json_schema } = objectIn(format) ?? {};
  if (type === 'json_object') losses.note('response_format', 'minor');
  const schema = objectIn(json_schema)?.schema;
  if (type !== 'json_schema' || schema === undefined) return {};
  return { output_config: { format: { type: 'json_schema', schema } } };
}

/** System texts go to the front; messages of one role in a row become one, as tool results must be. */
function conversation(given: readonly JsonObject[]): { system: JsonObject[]; messages: JsonObject[] } {
  const system: JsonObject[] = [];
  const messages: { role: string; content: JsonObject[] }[] = [];
  given.forEach((message, index) => {
    if (message.role === 'system' || message.role === 'developer') {
      system.push(...textBlocks(message));
      return;
    }
    const role = message.role === 'assistant' ? 'assistant' : 'user';
    const content = blocksOf(message, `messages.${index}`);
    const last = messages.at(-1);
    if (content.length === 0) return;
    if (last?.role === role) last.content.push(...content);
    else messages.push({ role, content });
  });
  return { system, messages };
}

function blocksOf(message: JsonObject, path: string): JsonObject[] {
  switch (message.role) {
    case 'user':
      return contentBlocks(message, path);
    case 'assistant':
      return [
        ...objectsIn(message.thinking_blocks),
        ...textBlocks(message),
        ...objectsIn(message.tool_calls).map((call, index) => toolUse(call, `${path}.tool_calls.${index}`)),
      ];
    case 'tool':
      return [toolResult(message, path)];
    default:
      throw refused(`${path}.role`, `messages of the role "${textIn(message.role)}"`);
  }
}

/** Anthropic refuses empty texts. */
function textBlocks(message: JsonObject): JsonObject[] {
  const { content } = message;
  const parts = typeof content === 'string' ? [{ text: content }] : objectsIn(content);
  return parts
    .map((part: JsonObject) => ({
      type: 'text',
      text: textIn(part.text) || textIn(part.refusal),
      ...cacheControl(part),
    }))
    .filter(({ text }) => text !== '');
}

function contentBlocks({ content }: JsonObject, path: string): JsonObject[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }];
  return objectsIn(content)
    .map((part, index) => ({ ...blockOf(part, `${path}.content.${index}`), ...cacheControl(part) }))
    .filter((block: JsonObject) => block.type !== 'text' || block.text !== '');
}

function blockOf(part: JsonObject, path: string): JsonObject {
  switch (part.type) {
    case 'text':
      return { type: 'text', text: textIn(part.text) };
    case 'image_url':
      return { type: 'image', source: sourceOf(textIn(objectIn(part.image_url)?.url), `${path}.image_url.url`) };
    case 'file': {
      const { file_data, filename } = objectIn(part.file) ?? {};
      if (typeof file_data !== 'string') throw refused(path, 'files by their id');
      const source = sourceOf(file_data, `${path}.file.file_data`);
      return { type: 'document', source, ...(isSet(filename) && { title: filename }) };
    }
    default:
      throw refused(path, `parts of the type "${textIn(part.type)}"`);
  }
}

function sourceOf(url: string, path: string): JsonObject {
  const inline = dataUrlParts(url);
  if (inline !== undefined) return { type: 'base64', media_type: inline.mediaType, data: inline.base64 };
  if (/^https?:\/\//i.test(url)) return { type: 'url', url };
  throw new GatewayError('invalid_request', {
    message: `${path}: neither a data URL in base64 nor http(s).`,
    param: path,
  });
}

function toolUse(call: JsonObject, path: string): JsonObject {
  const { name, arguments: text } = objectIn(call.function) ?? {};
  const input = textIn(text).trim() === '' ? {} : parseObject(textIn(text));
  if (input === undefined) {
    const param = `${path}.function.arguments`;
    throw new GatewayError('invalid_request', { message: `${param}: not a JSON object.`, param });
  }
  return { type: 'tool_use', id: call.id, name, input };
}

function toolResult(message: JsonObject, path: string): JsonObject {
  const { content, tool_call_id } = message;
  const blocks = typeof content === 'string' ? content : contentBlocks(message, path);
  return {
    type: 'tool_result',
    tool_use_id: tool_call_id,
    ...(blocks.length > 0 && { content: blocks }),
    ...(message.is_error === true && { is_error: true }),
    ...cacheControl(message),
  };
}

/** Anthropic's mark of what to keep in its prompt cache, which clients of many gateways put into chat completions. */
function cacheControl({ cache_control }: JsonObject): JsonObject {
  return isSet(cache_control) ? { cache_control } : {};
}
