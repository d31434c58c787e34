import type { AnswerContext, AnswerWriter, StreamWriter } from '../client-protocol.ts';
import { countIn, type JsonObject, objectIn, objectsIn, parseObject, textIn } from '../json-fields.ts';
import { namedEvent } from '../sse.ts';
import { messagesErrorType } from './error.ts';
import { stopReasonOf } from './stop-reason.ts';
import { messagesUsage } from './usage.ts';

/** Writes chat completions as Anthropic's messages. */
export const messagesWriter: AnswerWriter = { plain, stream };

function plain(answer: JsonObject, context: AnswerContext): JsonObject {
  const choice = objectsIn(answer.choices)[0] ?? {};
  const { id, model } = answer;
  return {
    ...envelope(context, { id, model }),
    content: blocksOf(objectIn(choice.message) ?? {}),
    ...stopOf(choice),
    usage: messagesUsage(objectIn(answer.usage) ?? {}),
  };
}

/** The model's words first think, then speak, then call: the order in which Anthropic's own answers come. */
function blocksOf(message: JsonObject): readonly JsonObject[] {
  const text = textIn(message.content) + textIn(message.refusal);
  const calls = objectsIn(message.tool_calls).flatMap((call) => toolUse(call));
  return [...thinkingBlocks(message), ...(text === '' ? [] : [{ type: 'text', text, citations: null }]), ...calls];
}

function thinkingBlocks({ thinking_blocks, reasoning_content, reasoning }: JsonObject): readonly JsonObject[] {
  const signed = objectsIn(thinking_blocks);
  if (signed.length > 0) return signed;
  const thinking = textIn(reasoning_content) || textIn(reasoning);
  return thinking === '' ? [] : [{ type: 'thinking', thinking, signature: '' }];
}

/** A call whose arguments were cut is left out: half an input is none. */
function toolUse(call: JsonObject): readonly JsonObject[] {
  const { name, arguments: text } = objectIn(call.function) ?? {};
  const input = textIn(text) === '' ? {} : parseObject(textIn(text));
  if (textIn(name) === '' || input === undefined) return [];
  return [{ type: 'tool_use', id: call.id, name, input }];
}

function envelope({ requestId, chat }: AnswerContext, { id, model }: JsonObject): JsonObject {
  return {
    id: textIn(id) || `msg_${requestId}`,
    type: 'message',
    role: 'assistant',
    model: textIn(model) || chat.requestedModel,
  };
}

function stopOf(choice: JsonObject): JsonObject {
  const { finish_reason, native_finish_reason, stop_reason } = choice;
  // Servers in the manner of vLLM say in `stop_reason` which sequence has stopped them.
  const sequence = finish_reason === 'stop' && typeof stop_reason === 'string' ? stop_reason : null;
  const reason = sequence === null ? stopReasonOf(finish_reason, native_finish_reason) : 'stop_sequence';
  return { stop_reason: reason, stop_sequence: sequence };
}

/** The block that deltas go to: Anthropic's texts and thinking follow one another, calls may run side by side. */
type Open = { readonly kind: 'text' | 'thinking'; readonly index: number };

/** State of one stream being written. */
interface Written {
  readonly context: AnswerContext;
  hasStarted: boolean;
  nextIndex: number;
  open: Open | undefined;
  /** Index of the block of each call, by its index in chat completions. */
  readonly calls: Map<number, number>;
  stop: JsonObject;
  usage: JsonObject | undefined;
}

function stream(context: AnswerContext): StreamWriter {
  const written: Written = {
    context,
    hasStarted: false,
    nextIndex: 0,
    open: undefined,
    calls: new Map(),
    stop: { stop_reason: 'end_turn', stop_sequence: null },
    usage: undefined,
  };
  return {
    write(chunk) {
      const error = objectIn(chunk.error);
      if (error !== undefined) return [errorEvent(error, context.requestId)];
      const usage = objectIn(chunk.usage);
      if (usage !== undefined) written.usage = usage;
      return [...started(written, chunk), ...objectsIn(chunk.choices).flatMap((choice) => deltas(written, choice))];
    },
    end: () => [...started(written, {}), ...closed(written), ...calledOff(written), ...ended(written)],
  };
}

function started(written: Written, chunk: JsonObject): readonly string[] {
  if (written.hasStarted) return [];
  written.hasStarted = true;
  const { inputTokens } = written.context;
  const message = {
    ...envelope(written.context, chunk),
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: messagesUsage({ prompt_tokens: inputTokens }),
  };
  return [namedEvent('message_start', { type: 'message_start', message })];
}

function deltas(written: Written, choice: JsonObject): readonly string[] {
  const delta = objectIn(choice.delta) ?? {};
  const events: string[] = [];
  const thinking = textIn(delta.reasoning_content) || textIn(delta.reasoning);
  const text = textIn(delta.content) + textIn(delta.refusal);
  if (thinking !== '') events.push(...blockDelta(written, 'thinking', { type: 'thinking_delta', thinking }));
  for (const block of objectsIn(delta.thinking_blocks)) events.push(...thinkingBlock(written, block));
  if (text !== '') events.push(...blockDelta(written, 'text', { type: 'text_delta', text }));
  for (const call of objectsIn(delta.tool_calls)) events.push(...callDelta(written, call));
  if (typeof choice.finish_reason === 'string') written.stop = stopOf(choice);
  return events;
}

function blockDelta(written: Written, kind: Open['kind'], delta: JsonObject): readonly string[] {
  const events: string[] = [];
  if (written.open?.kind !== kind) {
    events.push(...closed(written));
    const index = written.nextIndex++;
    written.open = { kind, index };
    const block =
      kind === 'text' ? { type: kind, text: '', citations: null } : { type: kind, thinking: '', signature: '' };
    events.push(blockStart(index, block));
  }
  return [...events, blockChange(written.open.index, delta)];
}

/** Signed thinking in the extension of chat completions: the signature that ends a block, or a block that is hidden. */
function thinkingBlock(written: Written, block: JsonObject): readonly string[] {
  if (block.type === 'redacted_thinking') {
    const before = closed(written);
    const index = written.nextIndex++;
    return [...before, blockStart(index, block), blockStop(index)];
  }
  const signature = textIn(block.signature);
  return signature === '' ? [] : blockDelta(written, 'thinking', { type: 'signature_delta', signature });
}

function callDelta(written: Written, call: JsonObject): readonly string[] {
  const { name, arguments: text } = objectIn(call.function) ?? {};
  const place = countIn(call.index);
  const events: string[] = [];
  let index = written.calls.get(place);
  if (index === undefined) {
    // A call that the cap has left without a name is none.
    if (textIn(name) === '') return [];
    events.push(...closed(written));
    index = written.nextIndex++;
    written.calls.set(place, index);
    events.push(blockStart(index, { type: 'tool_use', id: call.id, name, input: {} }));
  }
  const part = textIn(text);
  return part === '' ? events : [...events, blockChange(index, { type: 'input_json_delta', partial_json: part })];
}

function closed(written: Written): readonly string[] {
  if (written.open === undefined) return [];
  const { index } = written.open;
  written.open = undefined;
  return [blockStop(index)];
}

function calledOff({ calls }: Written): readonly string[] {
  return [...calls.values()].map(blockStop);
}

function ended({ stop, usage, context }: Written): readonly string[] {
  const reported = messagesUsage(usage ?? { prompt_tokens: context.inputTokens });
  return [
    namedEvent('message_delta', { type: 'message_delta', delta: stop, usage: reported }),
    namedEvent('message_stop', { type: 'message_stop' }),
  ];
}

function blockStart(index: number, content_block: JsonObject): string {
  return namedEvent('content_block_start', { type: 'content_block_start', index, content_block });
}

function blockChange(index: number, delta: JsonObject): string {
  return namedEvent('content_block_delta', { type: 'content_block_delta', index, delta });
}

function blockStop(index: number): string {
  return namedEvent('content_block_stop', { type: 'content_block_stop', index });
}

/** An error of a stream has no status any more; its OpenAI type says which side is at fault. */
function errorEvent({ message, type, code }: JsonObject, requestId: string): string {
  const status = type === 'invalid_request_error' ? 400 : 502;
  const error = { type: messagesErrorType(status), message, code };
  return namedEvent('error', { type: 'error', error, request_id: requestId });
}
