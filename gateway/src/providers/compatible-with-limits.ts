import { type JsonObject, objectIn, objectsIn, textIn } from '../protocols/json-fields.ts';
import { type NotedLosses, newLosses } from '../protocols/losses.ts';
import type { ChatCall, Dialect, TranslatedCall } from './dialect.ts';
import { openaiCompatible } from './openai-compatible.ts';
import { dataUrlParts } from './translating.ts';

/** How a server differs from the chat completions that it is compatible with. */
interface Limits {
  readonly maxTemperature: number;
  /** Most of `top_p`. */
  readonly maxTopP: number;
  /** It knows JSON mode, but no schemas. */
  readonly takesSchemas: 'yes' | 'no';
  /** Choices of tools that it takes. */
  readonly toolChoices: readonly string[];
  /** Fields that it refuses or ignores. */
  readonly unknown: readonly string[];
  /** How it takes images that are sent along: as data URLs, or as base64 alone. */
  readonly images: 'data-url' | 'base64';
  /** Its models want the reasoning of earlier turns back. */
  readonly keepsReasoning: 'yes' | 'no';
}

/** Zhipu (BigModel, GLM): `top_p` is below 1, one answer, tools by its own choice. */
export const zhipu: Dialect = withLimits({
  maxTemperature: 1,
  maxTopP: 0.99,
  takesSchemas: 'no',
  toolChoices: ['auto', 'none'],
  unknown: ['frequency_penalty', 'presence_penalty', 'logit_bias', 'seed', 'logprobs', 'top_logprobs'],
  images: 'base64',
  keepsReasoning: 'no',
});

/** DeepSeek: JSON mode without schemas. In the middle of tool calls its thinking models want their reasoning back. */
export const deepseek: Dialect = withLimits({
  maxTemperature: 2,
  maxTopP: 1,
  takesSchemas: 'no',
  toolChoices: ['auto', 'none', 'required'],
  unknown: ['logit_bias', 'seed'],
  images: 'data-url',
  keepsReasoning: 'yes',
});

/** Moonshot (Kimi): temperature to 1, tools by its own choice. */
export const moonshot: Dialect = withLimits({
  maxTemperature: 1,
  maxTopP: 1,
  takesSchemas: 'yes',
  toolChoices: ['auto', 'none'],
  unknown: ['logit_bias', 'seed', 'logprobs', 'top_logprobs'],
  images: 'data-url',
  keepsReasoning: 'yes',
});

/** The dialect of such a server: requests are adjusted, answers pass as they are. Embeddings and completions pass too. */
function withLimits(limits: Limits): Dialect {
  return {
    nativePath: (protocol, address) =>
      protocol === 'openai-chat' ? undefined : openaiCompatible.nativePath(protocol, address),
    plainPath: openaiCompatible.plainPath,
    headers: openaiCompatible.headers,
    translation: { ...openaiCompatible.translation, request: (call) => adjusted(call, limits) },
  };
}

function adjusted(call: ChatCall, limits: Limits): TranslatedCall {
  const losses = newLosses();
  const { body } = openaiCompatible.translation.request(call);
  const adjustedBody: Record<string, unknown> = { ...body };
  if (lower(adjustedBody, 'temperature', limits.maxTemperature)) losses.note('temperature', 'minor');
  lower(adjustedBody, 'top_p', limits.maxTopP);
  for (const name of limits.unknown) drop(adjustedBody, name, losses);
  if (limits.takesSchemas === 'no') withoutSchema(adjustedBody, losses);
  const choice = body.tool_choice;
  if (choice !== undefined && !limits.toolChoices.includes(String(choice)) && !isNamed(choice, limits)) {
    losses.note('tool_choice', 'vital');
  }
  const keep = limits.keepsReasoning === 'yes';
  const messages = objectsIn(keep ? call.body.messages : body.messages).map(withKnownRole);
  return {
    losses,
    body: { ...adjustedBody, messages: limits.images === 'base64' ? messages.map(withBareImages) : messages },
  };
}

/** A named tool can be asked for where tools can be demanded at all. */
function isNamed(choice: unknown, { toolChoices }: Limits): boolean {
  return objectIn(choice) !== undefined && toolChoices.includes('required');
}

/** Lowers a number to what the server takes; says whether it had to. */
function lower(body: Record<string, unknown>, name: string, max: number): boolean {
  const value = body[name];
  if (typeof value !== 'number' || value <= max) return false;
  body[name] = max;
  return true;
}

function drop(body: Record<string, unknown>, name: string, losses: NotedLosses): void {
  const value = body[name];
  delete body[name];
  if (value !== undefined && value !== null && value !== false && value !== 0) losses.note(name, 'minor');
}

/** Without schemas there is still JSON mode. */
function withoutSchema(body: Record<string, unknown>, losses: NotedLosses): void {
  if (objectIn(body.response_format)?.type !== 'json_schema') return;
  body.response_format = { type: 'json_object' };
  losses.note('response_format.json_schema', 'minor');
}

function withBareImages(message: JsonObject): JsonObject {
  if (!Array.isArray(message.content)) return message;
  const content = objectsIn(message.content).map((part) => {
    const image = objectIn(part.image_url);
    const inline = dataUrlParts(textIn(image?.url));
    return inline === undefined ? part : { ...part, image_url: { ...image, url: inline.base64 } };
  });
  return { ...message, content };
}

function withKnownRole(message: JsonObject): JsonObject {
  const { thinking_blocks: _, ...rest } = message;
  return message.role === 'developer' ? { ...rest, role: 'system' } : rest;
}
