import { countableMessage, modelName } from '@ai-gateway/contracts';
import { z } from 'zod';
import { GatewayError } from '../domain/gateway-error.ts';
import { jsonFault } from '../domain/json-guard.ts';

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

const MAX_OUTPUT_TOKENS = 2_147_483_647;
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

/** A chat completion request, as far as the gateway decides on it. */
export interface Chat {
  readonly body: ChatBody;
  readonly requestedModel: string;
  /** `provider`, if it is a name: some clients send an object, which is the provider's to read. */
  readonly requestedProvider: string | undefined;
  readonly isStream: boolean;
  /** The client asked for the usage chunk at the end of a stream. */
  readonly wantsUsage: boolean;
  /** The smaller of `max_tokens` and `max_completion_tokens`, per choice. */
  readonly clientMax: number | undefined;
  readonly choices: number;
}

/**
 * Reads a request of `POST /v1/chat/completions`.
 * @throws GatewayError `invalid_json`, `invalid_request`, `invalid_max_tokens`, each with the field at fault
 */
export function parseChat(bytes: Uint8Array): Chat {
  const body = checkedBody(parseJson(decode(bytes)));
  const maxima = [body.max_tokens, body.max_completion_tokens].filter((max) => typeof max === 'number');
  return {
    body,
    requestedModel: body.model,
    requestedProvider: typeof body.provider === 'string' ? body.provider : undefined,
    isStream: body.stream === true,
    wantsUsage: body.stream_options?.include_usage === true,
    clientMax: maxima.length === 0 ? undefined : Math.min(...maxima),
    choices: body.n ?? 1,
  };
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
  const { max_tokens, max_completion_tokens, provider, ...rest } = chat.body;
  const body: Record<string, unknown> = { ...rest, model: upstreamModel };
  if (chat.requestedProvider === undefined && provider !== undefined) body.provider = provider;
  if (maxTokensPerChoice !== undefined) {
    const usesNewName = max_completion_tokens !== undefined && max_completion_tokens !== null;
    body[usesNewName ? 'max_completion_tokens' : 'max_tokens'] = maxTokensPerChoice;
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

function parseJson(text: string): unknown {
  const fault = jsonFault(text, DECIDING_KEYS);
  if (fault !== undefined) throw new GatewayError('invalid_json', fault);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new GatewayError('invalid_json', { internal: String(error) });
  }
}

function checkedBody(body: unknown): ChatBody {
  const checked = chatBody.safeParse(body);
  if (checked.success) return checked.data;

  const issue = checked.error.issues[0];
  const param = issue?.path.join('.') ?? '';
  const isMaximum = param === 'max_tokens' || param === 'max_completion_tokens';
  if (isMaximum) {
    const message = `${param} must be an integer from 1 to ${MAX_OUTPUT_TOKENS}.`;
    throw new GatewayError('invalid_max_tokens', { message, param });
  }
  if (param === '') throw new GatewayError('invalid_request', { message: 'The request body must be a JSON object.' });
  throw new GatewayError('invalid_request', { message: `${param}: ${issue?.message ?? 'not valid'}`, param });
}
