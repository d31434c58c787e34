import { modelName } from '@ai-gateway/contracts';
import { z } from 'zod';
import { isSet, type JsonObject, objectIn, objectsIn, textIn } from '../json-fields.ts';
import type { NotedLosses } from '../losses.ts';
import { type Chat, chatFrom, checked, MAX_OUTPUT_TOKENS, parseJson, withoutProvider } from '../openai-chat.ts';

/** Keys on which the gateway decides: each may occur only once. */
const DECIDING_KEYS = new Set(['model', 'input', 'instructions', 'stream', 'max_output_tokens', 'tools', 'background']);

const item = z.looseObject({ type: z.string().optional(), role: z.string().optional() });

const responsesBody = z.looseObject({
  model: modelName,
  input: z.union([z.string(), z.array(item).min(1).max(2048)]),
  instructions: z.string().nullish(),
  stream: z.boolean().nullish(),
  max_output_tokens: z.number().int().min(1).max(MAX_OUTPUT_TOKENS).nullish(),
  tools: z
    .array(z.looseObject({ type: z.string() }))
    .max(128)
    .nullish(),
  // A background request would go on unmetered after its answer.
  background: z.literal(false, 'background responses are not offered').nullish(),
});

type ResponsesBody = z.infer<typeof responsesBody>;

/**
 * Reads a request of `POST /v1/responses`.
 * @throws GatewayError `invalid_json`, `invalid_request`, `invalid_max_tokens`, each with the field at fault
 */
export function parseResponses(bytes: Uint8Array): Chat {
  const body = checked(responsesBody, parseJson(bytes, DECIDING_KEYS));
  return chatFrom(body, body.max_output_tokens ?? undefined, chatBody);
}

/** The body for a provider that offers responses itself. */
export function responsesUpstreamBody({ original }: Chat, resolvedModel: string, maxTokens?: number): string {
  const max = maxTokens === undefined ? {} : { max_output_tokens: maxTokens };
  return JSON.stringify({ ...withoutProvider(original), model: resolvedModel, ...max });
}

/** Fields that are translated, or say nothing where nothing is kept. */
const TRANSLATED = new Set([
  'model',
  'input',
  'instructions',
  'stream',
  'stream_options',
  'max_output_tokens',
  'tools',
  'tool_choice',
  'text',
  'reasoning',
  'background',
  'metadata',
  'store',
  'include',
]);

/** Fields that chat completions have under the same name. */
const SAME = [
  'temperature',
  'top_p',
  'parallel_tool_calls',
  'user',
  'safety_identifier',
  'prompt_cache_key',
  'service_tier',
  'stream',
];

/** What is stored at the provider, and can be had of no other. */
const VITAL = new Set(['previous_response_id', 'conversation', 'prompt']);

function chatBody(body: ResponsesBody, losses: NotedLosses): Chat['body'] {
  for (const [name, value] of Object.entries(body)) {
    if (TRANSLATED.has(name) || SAME.includes(name) || !isSet(value)) continue;
    losses.note(name, VITAL.has(name) ? 'vital' : 'minor');
  }
  // Stored is what is asked for expressly; by default nobody may come back for it.
  if (body.store === true) losses.note('store', 'minor');
  const same = SAME.filter((name) => isSet(body[name])).map((name) => [name, body[name]]);
  const text = objectIn(body.text);
  const format = objectIn(text?.format);
  const effort = objectIn(body.reasoning)?.effort;
  const messages =
    typeof body.input === 'string' ? [{ role: 'user', content: body.input }] : conversation(body.input, losses);
  const { instructions, tools } = body;
  return {
    ...Object.fromEntries(same),
    model: body.model,
    messages: [...(instructions ? [{ role: 'system', content: instructions }] : []), ...messages],
    ...(isSet(body.max_output_tokens) && { max_tokens: body.max_output_tokens }),
    ...(tools?.length && { tools: tools.map((tool, index) => chatTool(tool, `tools.${index}`, losses)) }),
    ...toolChoice(body.tool_choice, losses),
    ...responseFormat(format),
    ...(isSet(text?.verbosity) && { verbosity: text?.verbosity }),
    ...(isSet(effort) && { reasoning_effort: effort }),
  };
}

interface Message {
  readonly role: string;
  content: unknown;
  tool_calls?: JsonObject[];
}

/** Items in a row that the model has said and called become one message of it, as chat completions have them. */
function conversation(items: readonly JsonObject[], losses: NotedLosses): Message[] {
  const messages: Message[] = [];
  items.forEach((entry, index) => {
    const path = `input.${index}`;
    const last = messages.at(-1);
    switch (entry.type ?? 'message') {
      case 'message':
        messages.push({ role: textIn(entry.role) || 'user', content: contentOf(entry, path, losses) });
        return;
      case 'function_call': {
        const { call_id, name, arguments: text } = entry;
        const call = { id: call_id, type: 'function', function: { name, arguments: text } };
        if (last?.role === 'assistant') last.tool_calls = [...(last.tool_calls ?? []), call];
        else messages.push({ role: 'assistant', content: null, tool_calls: [call] });
        return;
      }
      case 'function_call_output':
        messages.push(toolMessage(entry, path, losses));
        return;
      case 'reasoning':
        return;
      default:
        losses.note(path, 'vital');
    }
  });
  return messages;
}

function toolMessage({ call_id, output }: JsonObject, path: string, losses: NotedLosses): Message {
  const content = typeof output === 'string' ? output : contentOf({ role: 'tool', content: output }, path, losses);
  return { role: 'tool', content, ...{ tool_call_id: call_id } };
}

/** A single text is plain text, which every provider takes. */
function contentOf({ role, content }: JsonObject, path: string, losses: NotedLosses): unknown {
  if (typeof content === 'string') return content;
  const parts = objectsIn(content).flatMap((part) => chatPart(part, path, losses));
  const isText = parts.every(({ type }) => type === 'text');
  return isText && (role !== 'user' || parts.length === 1) ? parts.map(({ text }) => textIn(text)).join('') : parts;
}

function chatPart(part: JsonObject, path: string, losses: NotedLosses): readonly JsonObject[] {
  const { type, image_url, detail, filename, file_data } = part;
  if (type === 'input_text' || type === 'output_text' || type === 'text')
    return [{ type: 'text', text: textIn(part.text) }];
  if (type === 'refusal') return [{ type: 'text', text: textIn(part.refusal) }];
  if (type === 'input_image' && isSet(image_url)) {
    return [{ type: 'image_url', image_url: { url: image_url, ...(isSet(detail) && { detail }) } }];
  }
  if (type === 'input_file' && isSet(file_data)) return [{ type: 'file', file: { filename, file_data } }];
  losses.note(path, 'vital');
  return [];
}

function chatTool(tool: JsonObject, path: string, losses: NotedLosses): JsonObject {
  const { type, name, description, parameters, strict } = tool;
  if (type !== 'function') losses.note(path, 'vital');
  const named = { name, ...(isSet(description) && { description }), parameters: parameters ?? { type: 'object' } };
  return { type: 'function', function: { ...named, ...(isSet(strict) && { strict }) } };
}

function toolChoice(choice: unknown, losses: NotedLosses): JsonObject {
  if (typeof choice === 'string') return { tool_choice: choice };
  const { type, name } = objectIn(choice) ?? {};
  if (type === 'function') return { tool_choice: { type: 'function', function: { name } } };
  if (type !== undefined) losses.note('tool_choice', 'vital');
  return {};
}

function responseFormat(format: JsonObject | undefined): JsonObject {
  if (format === undefined || format.type === 'text') return {};
  const { type, ...schema } = format;
  return { response_format: type === 'json_schema' ? { type, json_schema: schema } : { type } };
}
