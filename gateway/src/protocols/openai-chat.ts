import { countableMessage, modelName } from '@ai-gateway/contracts';
import { z } from 'zod';
import { GatewayError } from '../domain/gateway-error.ts';
import { jsonFault } from '../domain/json-guard.ts';
import type { JsonObject } from './json-fields.ts';
import { type Losses, NO_LOSSES, type NotedLosses, newLosses } from './losses.ts';

/** Keys on which the gateway decides: each may occur only once. */
const DECIDING_KEYS = new Set([
  'model',
  'provider',
  'messages',
  'stream',
  'stream_options',
  'max_tokens',
  'max_completion_tokens',
  'n',
  'tools',
  'chat_template_kwargs',
]);

/** Largest maximum that a client may name. */
export const MAX_OUTPUT_TOKENS = 2_147_483_647;
const maxTokens = z.number().int().min(1).max(MAX_OUTPUT_TOKENS).nullish();

/** The fields that are decided on; all others pass through untouched. */
const chatBody = z.looseObject({
  model: modelName,
  messages: z.array(countableMessage).min(1).max(2048),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: maxTokens,
  max_completion_tokens: maxTokens,
  n: z.number().int().min(1).max(8).nullish(),
  tools: z.array(z.unknown()).max(128).nullish(),
});

export type ChatBody = z.infer<typeof chatBody>;

/** Texts that a model is given as they are, without a chat template. */
export interface TextInput {
  readonly texts: readonly string[];
  /** Tokens of what was given as token ids. */
  readonly tokens: number;
  /** How many there are of both. */
  readonly prompts: number;
}

/** A request to a model in the form of chat completions, whatever protocol it came in. */
export interface Chat {
  /** What the client sent: what rules are matched on, and what goes to a provider that speaks the client's protocol. */
  readonly original: JsonObject;
  readonly body: ChatBody;
  /** The input where it is no conversation; it is counted in place of `body`. */
  readonly texts?: TextInput;
  /** What of the client's request `body` cannot say. */
  readonly losses: Losses;
  readonly requestedModel: string;
  /** `provider`, if it is a name: some clients send an object, which is the provider's to read. */
  readonly requestedProvider: string | undefined;
  readonly isStream: boolean;
  /** The client asked for the usage chunk at the end of a stream. */
  readonly wantsUsage: boolean;
  /** The smaller of `max_tokens` and `max_completion_tokens`, per choice. */
  readonly clientMax: number | undefined;
  /** Answers that are asked for; 0 where none is in words. */
  readonly choices: number;
}

/**
 * Reads a request of `POST /v1/chat/completions`.
 * @throws GatewayError `invalid_json`, `invalid_request`, `invalid_max_tokens`, each with the field at fault
 */
export function parseChat(bytes: Uint8Array): Chat {
  const body = checked(chatBody, parseJson(bytes, DECIDING_KEYS));
  const maxima = [body.max_tokens, body.max_completion_tokens].filter((max) => typeof max === 'number');
  return {
    original: body,
    body: withoutProvider(body),
    losses: NO_LOSSES,
    requestedModel: body.model,
    requestedProvider: providerIn(body),
    isStream: body.stream === true,
    wantsUsage: body.stream_options?.include_usage === true,
    clientMax: maxima.length === 0 ? undefined : Math.min(...maxima),
    choices: body.n ?? 1,
  };
}

/** A request in another protocol as chat completions; what `toChat` cannot carry it notes. There is one choice, and usage is always told. */
export function chatFrom<T extends ForeignBody>(
  original: T,
  clientMax: number | undefined,
  toChat: (body: T, losses: NotedLosses) => ChatBody,
): Chat {
  const losses = newLosses();
  return {
    original,
    body: toChat(original, losses),
    losses,
    requestedModel: original.model,
    requestedProvider: providerIn(original),
    isStream: original.stream === true,
    wantsUsage: true,
    clientMax,
    choices: 1,
  };
}

/** What bodies of every protocol have. */
type ForeignBody = JsonObject & { readonly model: string; readonly stream?: boolean | null | undefined };

/** `provider` of a body, if it is a name. */
export function providerIn({ provider }: Readonly<Record<string, unknown>>): string | undefined {
  return typeof provider === 'string' ? provider : undefined;
}

/** A body as providers take it: the name of one of them is for this gateway alone. */
export function withoutProvider<T extends Readonly<Record<string, unknown>>>(body: T): T {
  if (providerIn(body) === undefined) return body;
  const { provider: _, ...rest } = body;
  return rest as unknown as T;
}

/** OpenAI's reasoning models take the new name of the maximum alone; most other servers know the old one alone. */
export function maxTokensField(model: string): 'max_tokens' | 'max_completion_tokens' {
  return /^(o\d|gpt-5)/.test(model) ? 'max_completion_tokens' : 'max_tokens';
}

/** `chat_template_kwargs` of vLLM and its like; anything but an object is the provider's to refuse. */
export function templateVariablesOf({ chat_template_kwargs: given }: ChatBody): Record<string, unknown> | undefined {
  return typeof given === 'object' && given !== null && !Array.isArray(given)
    ? (given as Record<string, unknown>)
    : undefined;
}

/**
 * The body to send: the provider's name of the model, the lowered maximum, and the usage report always asked for.
 * Re-serialised from what was checked, never the client's bytes, so that parsers cannot disagree about it.
 */
export function upstreamBody(chat: Chat, upstreamModel: string, maxTokensPerChoice: number | undefined): string {
  const { max_tokens, max_completion_tokens, ...rest } = chat.body;
  const body: Record<string, unknown> = { ...rest, model: upstreamModel };
  if (maxTokensPerChoice !== undefined) {
    const usesNewName = max_completion_tokens !== undefined && max_completion_tokens !== null;
    const usesOldName = max_tokens !== undefined && max_tokens !== null;
    const field = usesOldName ? 'max_tokens' : maxTokensField(upstreamModel);
    body[usesNewName ? 'max_completion_tokens' : field] = maxTokensPerChoice;
  }
  if (chat.isStream) body.stream_options = { ...chat.body.stream_options, include_usage: true };
  return JSON.stringify(body);
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new GatewayError('invalid_json', { message: 'The request body is not valid UTF-8.' });
  }
}

/**
 * The JSON value of a request body.
 * @throws GatewayError `invalid_json`, also for a key among `decidingKeys` that occurs twice
 */
export function parseJson(bytes: Uint8Array, decidingKeys: ReadonlySet<string>): unknown {
  const text = decode(bytes);
  const fault = jsonFault(text, decidingKeys);
  if (fault !== undefined) throw new GatewayError('invalid_json', fault);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new GatewayError('invalid_json', { internal: String(error) });
  }
}

const MAXIMA = new Set(['max_tokens', 'max_completion_tokens', 'max_output_tokens']);

/**
 * The body if it has the shape.
 * @throws GatewayError `invalid_request` or `invalid_max_tokens` with the first field at fault
 */
export function checked<T extends z.ZodType>(shape: T, body: unknown): z.infer<T> {
  const result = shape.safeParse(body);
  if (result.success) return result.data;

  const issue = result.error.issues[0];
  const param = issue?.path.join('.') ?? '';
  if (MAXIMA.has(param)) {
    const message = `${param} must be an integer from 1 to ${MAX_OUTPUT_TOKENS}.`;
    throw new GatewayError('invalid_max_tokens', { message, param });
  }
  if (param === '') throw new GatewayError('invalid_request', { message: 'The request body must be a JSON object.' });
  throw new GatewayError('invalid_request', { message: `${param}: ${issue?.message ?? 'not valid'}`, param });
}
