import { saneUsage, type TokenUsage } from '../domain/outcome.ts';
import { messagesError } from '../protocols/anthropic/error.ts';
import { countIn, type JsonObject, objectIn, objectsIn, parseObject, textIn } from '../protocols/json-fields.ts';
import { dataOf, namedEvent } from '../protocols/sse.ts';
import type { AnswerFormat, EventFacts, StreamFormat, TextPiece, WireFormat } from '../protocols/wire-format.ts';

const OTHER: EventFacts = { kind: 'other' };
const END: EventFacts = { kind: 'end' };

/** Anthropic's messages, as they pass between its clients and itself. */
export const messagesFormat: WireFormat = { stream: messagesStream, answer: messagesAnswer() };

function messagesStream(): StreamFormat {
  const open = new Set<number>();
  let reported: JsonObject = {};
  let last: JsonObject = {};
  let isFinished = false;

  function read(data: JsonObject): EventFacts {
    const usage = objectIn(data.usage) ?? objectIn(objectIn(data.message)?.usage);
    if (usage !== undefined) reported = { ...reported, ...usage };
    switch (data.type) {
      case 'message_stop':
        return END;
      case 'error':
        return { kind: 'error', message: textIn(objectIn(data.error)?.message) || 'it said no more' };
      default:
        return { kind: 'data', pieces: piecesOf(data), isHidden: false };
    }
  }

  return {
    read(event) {
      const data = parseObject(dataOf(event) ?? '');
      if (data === undefined) return OTHER;
      last = data;
      return read(data);
    },
    accept() {
      const index = countIn(last.index);
      if (last.type === 'content_block_start') open.add(index);
      if (last.type === 'content_block_stop') open.delete(index);
      if (last.type === 'message_delta') isFinished = typeof objectIn(last.delta)?.stop_reason === 'string';
    },
    usage: () => saneMessagesUsage(reported),
    isFinished: () => isFinished,
    closing: () => [namedEvent('message_stop', { type: 'message_stop' })],
    cut(allowed, { outputTokens }) {
      const kept = shortened(last, allowed[0]?.text);
      const events = kept === undefined ? [] : [namedEvent(textIn(kept.type), kept)];
      for (const index of open) {
        events.push(namedEvent('content_block_stop', { type: 'content_block_stop', index }));
      }
      const delta = { stop_reason: 'max_tokens', stop_sequence: null };
      const usage = { output_tokens: outputTokens };
      events.push(namedEvent('message_delta', { type: 'message_delta', delta, usage }));
      return [...events, namedEvent('message_stop', { type: 'message_stop' })];
    },
    error: (error, requestId) => namedEvent('error', messagesError(error, requestId)),
  };
}

/** Field of a delta that holds generated text, by the delta's type, and the lane that it belongs to. */
const DELTA_TEXTS: Readonly<Record<string, { readonly field: string; readonly lane: string }>> = {
  text_delta: { field: 'text', lane: 'content' },
  thinking_delta: { field: 'thinking', lane: 'thinking' },
  input_json_delta: { field: 'partial_json', lane: 'tool' },
};

function piecesOf(data: JsonObject): readonly TextPiece[] {
  const index = countIn(data.index);
  if (data.type === 'content_block_start') return blockPieces(objectIn(data.content_block) ?? {}, index);
  if (data.type !== 'content_block_delta') return [];
  const delta = objectIn(data.delta) ?? {};
  const known = DELTA_TEXTS[textIn(delta.type)];
  const text = known === undefined ? '' : textIn(delta[known.field]);
  return known === undefined || text === '' ? [] : [{ lane: `${index}:${known.lane}`, text }];
}

/** The delta with what is allowed of its text; an event that loses all of it is left out. */
function shortened(data: JsonObject, text: string | undefined): JsonObject | undefined {
  const delta = objectIn(data.delta);
  const known = DELTA_TEXTS[textIn(delta?.type)];
  if (delta === undefined || known === undefined || text === undefined) return undefined;
  return { ...data, delta: { ...delta, [known.field]: text } };
}

/** The texts of a whole block: a tool's name and input count as they are written in JSON. */
function blockPieces(block: JsonObject, index: number): readonly TextPiece[] {
  const pieces: TextPiece[] = [];
  const add = (lane: string, text: string) => {
    if (text !== '') pieces.push({ lane: `${index}:${lane}`, text });
  };
  if (block.type === 'text') add('content', textIn(block.text));
  if (block.type === 'thinking') add('thinking', textIn(block.thinking));
  if (block.type === 'tool_use') {
    add('tool.name', textIn(block.name));
    const input = objectIn(block.input) ?? {};
    if (Object.keys(input).length > 0) add('tool', JSON.stringify(input));
  }
  return pieces;
}

function messagesAnswer(): AnswerFormat {
  return {
    pieces: (answer) => objectsIn(answer.content).flatMap(blockPieces),
    usage: (answer) => saneMessagesUsage(objectIn(answer.usage) ?? {}),
    cut: (answer, allowed, { outputTokens }) => ({
      ...answer,
      content: objectsIn(answer.content).flatMap((block, index) => cutBlock(block, index, allowed)),
      stop_reason: 'max_tokens',
      stop_sequence: null,
      usage: { ...objectIn(answer.usage), output_tokens: outputTokens },
    }),
  };
}

/** A text is shortened; a tool call that is not whole is left out, since half its input is no JSON. */
function cutBlock(block: JsonObject, index: number, allowed: ReadonlyMap<string, string>): readonly JsonObject[] {
  const pieces = blockPieces(block, index);
  if (pieces.every(({ lane, text }) => allowed.get(lane) === text)) return [block];
  const text = allowed.get(pieces[0]?.lane ?? '');
  if (block.type === 'tool_use' || text === undefined) return [];
  return [{ ...block, [block.type === 'thinking' ? 'thinking' : 'text']: text }];
}

/** Anthropic counts what was read from and written to the prompt cache beside the other input. */
function saneMessagesUsage(reported: JsonObject): TokenUsage | undefined {
  const { input_tokens, output_tokens, cache_creation_input_tokens, cache_read_input_tokens } = reported;
  const cached = countIn(cache_creation_input_tokens) + countIn(cache_read_input_tokens);
  return saneUsage({
    prompt_tokens: typeof input_tokens === 'number' ? input_tokens + cached : undefined,
    completion_tokens: output_tokens,
  });
}
