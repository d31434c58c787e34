import { GatewayError } from '../../domain/gateway-error.ts';
import { countIn, type JsonObject, objectIn, objectsIn, textIn } from '../../protocols/json-fields.ts';
import type { AnswerFacts, StreamReader } from '../dialect.ts';
import { eventObject } from '../translating.ts';

/** Gemini's finish reasons in the words of chat completions; all others mean that it was not allowed to go on. */
const FINISH_REASONS: Readonly<Record<string, string>> = {
  STOP: 'stop',
  MAX_TOKENS: 'length',
  MALFORMED_FUNCTION_CALL: 'stop',
  FINISH_REASON_UNSPECIFIED: 'stop',
  OTHER: 'stop',
};

/** A plain answer of Gemini as a chat completion. */
export function geminiAnswer(answer: JsonObject, { nowSeconds, model }: AnswerFacts): JsonObject {
  if (!Array.isArray(answer.candidates) && objectIn(answer.promptFeedback) === undefined) {
    throw new GatewayError('upstream_error', {
      message: 'The provider answered with neither candidates nor feedback.',
    });
  }
  const candidates = objectsIn(answer.candidates);
  const choices = candidates.map((candidate, place) => {
    const index = countIn(candidate.index) || place;
    const parts = partsOf(candidate);
    const calls = callsIn(parts, { id: idOf(answer), index, from: 0 });
    const text = textOf(parts, 'said');
    const reasoning = textOf(parts, 'thought');
    const message = {
      role: 'assistant',
      content: text === '' && calls.length > 0 ? null : text,
      refusal: null,
      ...(reasoning !== '' && { reasoning_content: reasoning }),
      ...(calls.length > 0 && { tool_calls: calls.map(({ index: _, ...call }) => call) }),
    };
    return { index, message, logprobs: null, ...finishOf(candidate.finishReason ?? 'STOP', calls.length) };
  });
  return {
    id: idOf(answer),
    object: 'chat.completion',
    created: nowSeconds,
    model: answer.modelVersion ?? model,
    choices: choices.length > 0 ? choices : [blocked(answer)],
    usage: usageOf(answer),
  };
}

function blocked({ promptFeedback }: JsonObject): JsonObject {
  const message = { role: 'assistant', content: '', refusal: null };
  return { index: 0, message, logprobs: null, ...finishOf(objectIn(promptFeedback)?.blockReason ?? 'SAFETY', 0) };
}

function idOf({ responseId }: JsonObject): string {
  return textIn(responseId) || 'gemini';
}

function partsOf({ content }: JsonObject): readonly JsonObject[] {
  return objectsIn(objectIn(content)?.parts);
}

function textOf(parts: readonly JsonObject[], kind: 'said' | 'thought'): string {
  return parts
    .filter(({ thought }) => (thought === true) === (kind === 'thought'))
    .map(({ text }) => textIn(text))
    .join('');
}

interface CallPlace {
  readonly id: string;
  readonly index: number;
  /** Calls that came before. */
  readonly from: number;
}

/** Gemini's calls come whole and seldom have an id, so one is made that is unique in the conversation. */
function callsIn(parts: readonly JsonObject[], { id, index, from }: CallPlace): JsonObject[] {
  const calls = parts.filter(({ functionCall }) => objectIn(functionCall) !== undefined);
  return calls.map(({ functionCall, thoughtSignature }, place) => {
    const { name, args, id: own } = objectIn(functionCall) ?? {};
    const signed = typeof thoughtSignature === 'string';
    return {
      index: from + place,
      id: textIn(own) || `call_${id}_${index}_${from + place}`,
      type: 'function',
      function: { name, arguments: JSON.stringify(args ?? {}) },
      ...(signed && { extra_content: { google: { thought_signature: thoughtSignature } } }),
    };
  });
}

function finishOf(reason: unknown, calls: number): JsonObject {
  const finish = FINISH_REASONS[textIn(reason)] ?? 'content_filter';
  return { finish_reason: finish === 'stop' && calls > 0 ? 'tool_calls' : finish, native_finish_reason: reason };
}

/** Thoughts are output that is paid for; what tools have put into the prompt is input. */
function usageOf({ usageMetadata }: JsonObject): JsonObject {
  const usage = objectIn(usageMetadata) ?? {};
  const thoughts = countIn(usage.thoughtsTokenCount);
  const isThere = typeof usage.promptTokenCount === 'number';
  const prompt_tokens = countIn(usage.promptTokenCount) + countIn(usage.toolUsePromptTokenCount);
  const completion_tokens = countIn(usage.candidatesTokenCount) + thoughts;
  return {
    prompt_tokens: isThere ? prompt_tokens : undefined,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
    prompt_tokens_details: { cached_tokens: countIn(usage.cachedContentTokenCount) },
    ...(thoughts > 0 && { completion_tokens_details: { reasoning_tokens: thoughts } }),
  };
}

/** Reads Gemini's stream (`alt=sse`) as one of chat completions. Every event repeats the usage up to it. */
export function geminiReader({ nowSeconds, model }: AnswerFacts): StreamReader {
  const callsOf = new Map<number, number>();

  function chunksOf(data: JsonObject): readonly string[] {
    const head = {
      id: idOf(data),
      object: 'chat.completion.chunk',
      created: nowSeconds,
      model: data.modelVersion ?? model,
    };
    const write = (more: JsonObject) => `data: ${JSON.stringify({ ...head, ...more })}`;
    const candidates = objectsIn(data.candidates);
    const isBlocked = candidates.length === 0 && objectIn(data.promptFeedback) !== undefined;
    const choices = isBlocked ? [{ delta: {}, ...finishOf(objectIn(data.promptFeedback)?.blockReason, 0) }] : [];
    const isEnd = isBlocked || candidates.some(({ finishReason }) => typeof finishReason === 'string');
    const events = [...choices, ...candidates.flatMap((candidate) => choicesOf(candidate, head.id))];
    const written = events.map((choice) => write({ choices: [{ index: 0, ...choice }] }));
    return isEnd ? [...written, write({ choices: [], usage: usageOf(data) })] : written;
  }

  function choicesOf(candidate: JsonObject, id: string): JsonObject[] {
    const index = countIn(candidate.index);
    const parts = partsOf(candidate);
    const from = callsOf.get(index) ?? 0;
    const calls = callsIn(parts, { id, index, from });
    callsOf.set(index, from + calls.length);
    const [content, reasoning_content] = [textOf(parts, 'said'), textOf(parts, 'thought')];
    const deltas: JsonObject[] = [];
    if (reasoning_content !== '') deltas.push({ reasoning_content });
    if (content !== '') deltas.push({ content });
    if (calls.length > 0) deltas.push({ tool_calls: calls });
    const choices: JsonObject[] = deltas.map((delta) => ({ index, delta, finish_reason: null }));
    if (typeof candidate.finishReason !== 'string') return choices;
    return [...choices, { index, delta: {}, ...finishOf(candidate.finishReason, from + calls.length) }];
  }

  return {
    read(event) {
      const data = eventObject(event);
      if (data === undefined) return [];
      return data.error === undefined ? chunksOf(data) : [`data: ${JSON.stringify({ error: data.error })}`];
    },
  };
}
