import { modelName } from '@ai-gateway/contracts';
import { z } from 'zod';
import type { AnswerContext, AnswerWriter } from './client-protocol.ts';
import { isSet, type JsonObject, objectIn, objectsIn, textIn } from './json-fields.ts';
import { type Losses, NO_LOSSES, newLosses } from './losses.ts';
import {
  type Chat,
  checked,
  MAX_OUTPUT_TOKENS,
  parseJson,
  providerIn,
  type TextInput,
  withoutProvider,
} from './openai-chat.ts';

/* `POST /v1/completions` and `POST /v1/embeddings`: what OpenAI makes of plain texts. */

const tokenIds = z.array(z.number().int().min(0)).min(1).max(300_000);

/** One text or several, each as it is or as token ids. */
const texts = z.union([z.string(), z.array(z.string()).min(1).max(2048), tokenIds, z.array(tokenIds).min(1).max(2048)]);

const completionBody = z.looseObject({
  model: modelName,
  prompt: texts,
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: z.number().int().min(1).max(MAX_OUTPUT_TOKENS).nullish(),
  n: z.number().int().min(1).max(8).nullish(),
  best_of: z.number().int().min(1).max(8).nullish(),
});

const embeddingBody = z.looseObject({ model: modelName, input: texts });

/** Keys on which the gateway decides: each may occur only once. */
const COMPLETION_KEYS = new Set(['model', 'prompt', 'stream', 'stream_options', 'max_tokens', 'n', 'best_of']);
const EMBEDDING_KEYS = new Set(['model', 'input']);

/**
 * Reads a request of `POST /v1/completions`.
 * @throws GatewayError `invalid_json`, `invalid_request`, `invalid_max_tokens`, each with the field at fault
 */
export function parseCompletion(bytes: Uint8Array): Chat {
  const body = checked(completionBody, parseJson(bytes, COMPLETION_KEYS));
  const { model, prompt, n, best_of, max_tokens, stream } = body;
  const input = textInput(prompt);
  return {
    original: body,
    body: { ...sameFields(body), model, messages: [{ role: 'user', content: input.texts[0] ?? '' }] },
    texts: input,
    losses: completionLosses(body, input),
    requestedModel: model,
    requestedProvider: providerIn(body),
    isStream: stream === true,
    wantsUsage: body.stream_options?.include_usage === true,
    clientMax: max_tokens ?? undefined,
    // Of `best_of` drafts all are generated and paid for.
    choices: Math.max(n ?? 1, best_of ?? 1) * Math.max(1, input.prompts),
  };
}

/** Fields that completions and chat completions share. */
const SAME = [
  'max_tokens',
  'stream',
  'stop',
  'temperature',
  'top_p',
  'frequency_penalty',
  'presence_penalty',
  'seed',
  'user',
  'logit_bias',
];

function sameFields(body: JsonObject): JsonObject {
  return Object.fromEntries(SAME.filter((name) => isSet(body[name])).map((name) => [name, body[name]]));
}

/** A prompt becomes one message; several prompts, token ids and what is written around a prompt have no place in it. */
function completionLosses(body: JsonObject, { prompts, tokens }: TextInput): Losses {
  const losses = newLosses();
  if (prompts > 1 || tokens > 0) losses.note('prompt', 'vital');
  for (const name of ['suffix', 'echo', 'best_of', 'n']) {
    if (isSet(body[name]) && body[name] !== false && body[name] !== 1) losses.note(name, 'vital');
  }
  if (isSet(body.logprobs)) losses.note('logprobs', 'minor');
  return losses;
}

/** The body for a provider that offers completions itself. */
export function completionUpstreamBody(
  { original, isStream }: Chat,
  resolvedModel: string,
  maxTokens?: number,
): string {
  return JSON.stringify({
    ...withoutProvider(original),
    model: resolvedModel,
    ...(maxTokens !== undefined && { max_tokens: maxTokens }),
    ...(isStream && { stream_options: { ...objectIn(original.stream_options), include_usage: true } }),
  });
}

/** Writes chat completions as completions of a text. */
export const completionWriter: AnswerWriter = {
  plain: (answer, context) => textCompletion(answer, 'message', context),
  stream: (context) => ({
    write(chunk) {
      if (objectIn(chunk.error) !== undefined) return [`data: ${JSON.stringify(chunk)}`];
      return [`data: ${JSON.stringify(textCompletion(chunk, 'delta', context))}`];
    },
    end: () => ['data: [DONE]'],
  }),
};

function textCompletion(answer: JsonObject, holder: 'message' | 'delta', { chat }: AnswerContext): JsonObject {
  const { id, created, model, usage } = answer;
  const choices = objectsIn(answer.choices).map((choice) => ({
    text: textIn(objectIn(choice[holder])?.content),
    index: choice.index,
    logprobs: null,
    finish_reason: choice.finish_reason,
  }));
  const named = { id, object: 'text_completion', created, model: model ?? chat.requestedModel };
  return { ...named, choices, ...(isSet(usage) && { usage }) };
}

/**
 * Reads a request of `POST /v1/embeddings`. It has no answer in words, so no output is reserved or capped.
 * @throws GatewayError `invalid_json`, `invalid_request`, each with the field at fault
 */
export function parseEmbedding(bytes: Uint8Array): Chat {
  const body = checked(embeddingBody, parseJson(bytes, EMBEDDING_KEYS));
  return {
    original: body,
    body: { model: body.model, messages: [] },
    texts: textInput(body.input),
    losses: { ...NO_LOSSES, vital: ['input'] },
    requestedModel: body.model,
    requestedProvider: providerIn(body),
    isStream: false,
    wantsUsage: false,
    clientMax: undefined,
    choices: 0,
  };
}

/** The body for a provider that offers embeddings. */
export function embeddingUpstreamBody({ original }: Chat, resolvedModel: string): string {
  return JSON.stringify({ ...withoutProvider(original), model: resolvedModel });
}

function textInput(given: z.infer<typeof texts>): TextInput {
  const list: readonly unknown[] = typeof given === 'string' ? [given] : given;
  const isOneOfIds = typeof list[0] === 'number';
  const ids = isOneOfIds
    ? list.length
    : list.reduce<number>((sum, item) => sum + (Array.isArray(item) ? item.length : 0), 0);
  return {
    texts: list.filter((item) => typeof item === 'string'),
    tokens: ids,
    prompts: isOneOfIds ? 1 : list.length,
  };
}
