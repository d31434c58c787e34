import type { GatewayError } from '../domain/gateway-error.ts';
import { saneUsage, type TokenUsage } from '../domain/outcome.ts';
import { type JsonObject, objectIn, objectsIn } from '../protocols/json-fields.ts';
import { dataOf } from '../protocols/sse.ts';
import type {
  AnswerFormat,
  EventFacts,
  StreamFormat,
  StreamTerms,
  TextPiece,
  WireFormat,
} from '../protocols/wire-format.ts';
import {
  type ChunkFacts,
  parseChunk,
  readChunk,
  type StreamChoice,
  type StreamChunk,
  textPieces,
  withTexts,
} from './chat-chunk.ts';

/** End mark of OpenAI's streams. */
export const DONE = 'data: [DONE]';

const OTHER: EventFacts = { kind: 'other' };
const END: EventFacts = { kind: 'end' };

/** OpenAI's chat completions, the form that all translations go through, and its completions of a text. */
export const chatFormat: WireFormat = { stream: chatStream, answer: chatAnswer() };

/** OpenAI's embeddings: nothing is generated, so nothing can be cut. */
export const embeddingFormat: WireFormat = {
  stream: chatStream,
  answer: {
    pieces: () => [],
    usage: (answer) => saneUsage({ ...objectIn(answer.usage), completion_tokens: 0 }),
    cut: (answer) => answer,
  },
};

function chatStream({ choices, wantsUsage }: StreamTerms): StreamFormat {
  const finished = new Set<number>();
  let usage: TokenUsage | undefined;
  let lastData = '';
  let last: ChunkFacts | undefined;

  return {
    read(event) {
      const data = dataOf(event);
      if (data === undefined) return OTHER;
      if (data === '[DONE]') return END;
      const facts = readChunk(data);
      if (facts === undefined) return OTHER;
      if (facts.error !== undefined) return { kind: 'error', message: facts.error };

      if (facts.usage !== undefined) usage = saneUsage(facts.usage) ?? usage;
      last = facts;
      lastData = data;
      return { kind: 'data', pieces: facts.pieces, isHidden: facts.isUsageOnly && !wantsUsage };
    },
    accept() {
      for (const choice of last?.finished ?? []) finished.add(choice);
    },
    usage: () => usage,
    isFinished: () => finished.size >= choices,
    closing: () => [DONE],
    cut(allowed, used) {
      const chunk = last?.chunk ?? parseChunk(lastData) ?? {};
      const texts = new Map(allowed.map(({ lane, text }) => [lane, text]));
      const events: StreamChunk[] = [];
      if (allowed.length > 0) events.push(withoutUsage({ ...chunk, choices: cutChoices(chunk, texts) }));
      events.push(withoutUsage({ ...chunk, choices: closingChoices(choices, finished, chunk) }));
      if (wantsUsage) events.push({ ...chunk, choices: [], usage: wireUsage(used) });
      return [...events.map((event) => `data: ${JSON.stringify(event)}`), DONE];
    },
    error: errorEvent,
  };
}

function cutChoices(chunk: StreamChunk, texts: ReadonlyMap<string, string>) {
  return (chunk.choices ?? []).map((choice) => ({
    ...choice,
    ...(isText(choice)
      ? { text: allowedText(choice, texts) }
      : { delta: withTexts(choice, choice.delta ?? {}, texts) }),
    finish_reason: null,
  }));
}

/** A choice of a completion, not of a chat completion. */
function isText(choice: StreamChoice | undefined): boolean {
  return typeof choice?.text === 'string';
}

function allowedText(choice: StreamChoice, allowed: ReadonlyMap<string, string>): string {
  return allowed.get(`${choice.index ?? 0}:content`) ?? '';
}

function closingChoices(choices: number, finished: ReadonlySet<number>, last: StreamChunk) {
  const nothing = isText(last.choices?.[0]) ? { text: '' } : { delta: {} };
  return Array.from({ length: choices }, (_, index) => index)
    .filter((index) => !finished.has(index))
    .map((index) => ({ index, ...nothing, logprobs: null, finish_reason: 'length' }));
}

function withoutUsage(chunk: StreamChunk): StreamChunk {
  const { usage: _, ...rest } = chunk;
  return rest;
}

/** Over all choices in order; each choice that lost text ends with `length`. */
function chatAnswer(): AnswerFormat {
  return {
    pieces: (answer) => choicesIn(answer).flatMap((choice) => textPieces(choice, choice?.message)),
    usage: (answer) => saneUsage(answer.usage),
    cut: (answer, allowed, usage) => ({
      ...answer,
      choices: choicesIn(answer).map((choice) => cutChoice(choice, allowed)),
      usage: { ...(answer.usage as object | undefined), ...wireUsage(usage) },
    }),
  };
}

function choicesIn({ choices }: JsonObject): readonly StreamChoice[] {
  return objectsIn(choices);
}

function cutChoice(choice: StreamChoice, allowed: ReadonlyMap<string, string>): StreamChoice {
  const message = (choice.message ?? {}) as JsonObject;
  const pieces: readonly TextPiece[] = textPieces(choice, message);
  if (pieces.every(({ lane, text }) => allowed.get(lane) === text)) return choice;
  if (isText(choice)) return { ...choice, text: allowedText(choice, allowed), finish_reason: 'length' };
  return { ...choice, message: withTexts(choice, message, allowed), finish_reason: 'length' };
}

/** Usage as OpenAI writes it. */
export function wireUsage({ inputTokens, outputTokens }: TokenUsage) {
  return { prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: inputTokens + outputTokens };
}

/** An error after the first byte: one event, and the stream ends without `[DONE]`. */
function errorEvent(error: GatewayError, requestId: string): string {
  return `data: ${JSON.stringify(error.body(requestId))}`;
}
