import { GatewayError } from '../../domain/gateway-error.ts';
import { finishReasonOf } from '../../protocols/anthropic/stop-reason.ts';
import { chatUsage } from '../../protocols/anthropic/usage.ts';
import { countIn, type JsonObject, objectIn, objectsIn, textIn } from '../../protocols/json-fields.ts';
import type { AnswerFacts, StreamReader } from '../dialect.ts';
import { eventObject } from '../translating.ts';

/** A plain answer of Anthropic as a chat completion. */
export function chatAnswer(answer: JsonObject, { nowSeconds }: AnswerFacts): JsonObject {
  if (!Array.isArray(answer.content)) {
    throw new GatewayError('upstream_error', { message: 'The provider answered with something that is no message.' });
  }
  const blocks = objectsIn(answer.content);
  const thinking = blocks.filter(({ type }) => type === 'thinking' || type === 'redacted_thinking');
  const texts = blocks.filter(({ type }) => type === 'text').map(({ text }) => textIn(text));
  const calls = blocks.filter(({ type }) => type === 'tool_use').map(callOf);
  const reasoning = thinking.map((block) => textIn(block.thinking)).join('');
  const message = {
    role: 'assistant',
    content: texts.length === 0 && calls.length > 0 ? null : texts.join(''),
    refusal: null,
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(thinking.length > 0 && { thinking_blocks: thinking }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
  return {
    id: answer.id,
    object: 'chat.completion',
    created: nowSeconds,
    model: answer.model,
    choices: [{ index: 0, message, logprobs: null, ...finishOf(answer) }],
    usage: chatUsage(objectIn(answer.usage) ?? {}),
  };
}

function callOf({ id, name, input }: JsonObject): JsonObject {
  return { id, type: 'function', function: { name, arguments: JSON.stringify(input ?? {}) } };
}

function finishOf({ stop_reason, stop_sequence }: JsonObject): JsonObject {
  return {
    finish_reason: finishReasonOf(stop_reason),
    native_finish_reason: stop_reason,
    ...(typeof stop_sequence === 'string' && { stop_reason: stop_sequence }),
  };
}

/** State of one stream being read. */
interface Reading {
  head: JsonObject;
  usage: JsonObject;
  calls: number;
  /** Index in chat completions of the call whose block has this index. */
  readonly callOfBlock: Map<number, number>;
  /** Thinking that its signature is awaited for. */
  thinking: string;
  isFinished: boolean;
}

/** Reads Anthropic's stream as one of chat completions. */
export function messagesReader({ nowSeconds, model }: AnswerFacts): StreamReader {
  const reading: Reading = {
    head: { id: '', object: 'chat.completion.chunk', created: nowSeconds, model },
    usage: {},
    calls: 0,
    callOfBlock: new Map(),
    thinking: '',
    isFinished: false,
  };
  return {
    read(event) {
      const data = eventObject(event);
      return data === undefined ? [] : chunksOf(data, reading);
    },
  };
}

function chunksOf(data: JsonObject, reading: Reading): readonly string[] {
  const index = countIn(data.index);
  switch (data.type) {
    case 'message_start':
      return opening(objectIn(data.message) ?? {}, reading);
    case 'content_block_start':
      return blockStart(objectIn(data.content_block) ?? {}, index, reading);
    case 'content_block_delta':
      return blockDelta(objectIn(data.delta) ?? {}, index, reading);
    case 'message_delta': {
      reading.usage = { ...reading.usage, ...objectIn(data.usage) };
      const delta = objectIn(data.delta) ?? {};
      if (typeof delta.stop_reason !== 'string') return [];
      reading.isFinished = true;
      return [chunk(reading, { delta: {}, ...finishOf(delta) })];
    }
    case 'message_stop':
      return reading.isFinished ? [usageChunk(reading), 'data: [DONE]'] : [];
    case 'error':
      return [`data: ${JSON.stringify({ error: data.error ?? {} })}`];
    default:
      return [];
  }
}

function opening({ id, model, usage }: JsonObject, reading: Reading): readonly string[] {
  reading.head = { ...reading.head, id, model };
  reading.usage = objectIn(usage) ?? {};
  return [delta(reading, { role: 'assistant', content: '' })];
}

function blockStart(block: JsonObject, index: number, reading: Reading): readonly string[] {
  reading.thinking = '';
  if (block.type === 'text' && textIn(block.text) !== '') return [delta(reading, { content: block.text })];
  if (block.type === 'redacted_thinking') return [delta(reading, { thinking_blocks: [block] })];
  if (block.type !== 'tool_use') return [];
  const place = reading.calls++;
  reading.callOfBlock.set(index, place);
  const input = objectIn(block.input) ?? {};
  // Servers that imitate Anthropic may give the whole input at once.
  const text = Object.keys(input).length === 0 ? '' : JSON.stringify(input);
  const call = { index: place, id: block.id, type: 'function', function: { name: block.name, arguments: text } };
  return [delta(reading, { tool_calls: [call] })];
}

function blockDelta(change: JsonObject, index: number, reading: Reading): readonly string[] {
  switch (change.type) {
    case 'text_delta':
      return [delta(reading, { content: textIn(change.text) })];
    case 'thinking_delta':
      reading.thinking += textIn(change.thinking);
      return [delta(reading, { reasoning_content: textIn(change.thinking) })];
    case 'signature_delta': {
      const block = { type: 'thinking', thinking: reading.thinking, signature: change.signature };
      return [delta(reading, { thinking_blocks: [block] })];
    }
    case 'input_json_delta': {
      const place = reading.callOfBlock.get(index);
      if (place === undefined) return [];
      return [delta(reading, { tool_calls: [{ index: place, function: { arguments: textIn(change.partial_json) } }] })];
    }
    default:
      return [];
  }
}

function delta(reading: Reading, change: JsonObject): string {
  return chunk(reading, { delta: change, finish_reason: null });
}

function chunk({ head }: Reading, choice: JsonObject): string {
  return `data: ${JSON.stringify({ ...head, choices: [{ index: 0, ...choice }] })}`;
}

function usageChunk({ head, usage }: Reading): string {
  return `data: ${JSON.stringify({ ...head, choices: [], usage: chatUsage(usage) })}`;
}
