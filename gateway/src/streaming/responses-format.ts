import { saneUsage, type TokenUsage } from '../domain/outcome.ts';
import { countIn, type JsonObject, objectIn, objectsIn, parseObject, textIn } from '../protocols/json-fields.ts';
import { dataOf, namedEvent } from '../protocols/sse.ts';
import type { AnswerFormat, EventFacts, StreamFormat, TextPiece, WireFormat } from '../protocols/wire-format.ts';

const OTHER: EventFacts = { kind: 'other' };
const END: EventFacts = { kind: 'end' };

/** OpenAI's responses, as they pass between its clients and itself. */
export const responsesFormat: WireFormat = { stream: responsesStream, answer: responsesAnswer() };

/** Events that hold generated text in `delta`, and the kind of lane it belongs to. */
const DELTAS: Readonly<Record<string, string>> = {
  'response.output_text.delta': 'content',
  'response.refusal.delta': 'refusal',
  'response.reasoning_text.delta': 'reasoning',
  'response.reasoning_summary_text.delta': 'reasoning',
  'response.function_call_arguments.delta': 'tool',
  'response.custom_tool_call_input.delta': 'tool',
};

const ENDS = new Set(['response.completed', 'response.incomplete']);

function responsesStream(): StreamFormat {
  /** The output up to now, for the response that ends a cut. */
  const items = new Map<number, JsonObject>();
  const texts = new Map<string, string>();
  let response: JsonObject = {};
  let last: JsonObject = {};

  function keep(pieces: readonly TextPiece[]): void {
    for (const { lane, text } of pieces) texts.set(lane, (texts.get(lane) ?? '') + text);
  }

  return {
    read(event) {
      const data = parseObject(dataOf(event) ?? '');
      if (data === undefined) return OTHER;
      last = data;
      response = objectIn(data.response) ?? response;
      const type = textIn(data.type);
      if (ENDS.has(type)) return END;
      if (type === 'error') return { kind: 'error', message: textIn(data.message) || 'it said no more' };
      if (type === 'response.failed') return { kind: 'error', message: textIn(objectIn(response.error)?.message) };
      return { kind: 'data', pieces: piecesOf(data), isHidden: false };
    },
    accept() {
      const item = objectIn(last.item);
      if (item !== undefined) items.set(countIn(last.output_index), item);
      keep(piecesOf(last));
    },
    usage: () => usageOf(response),
    isFinished: () => false,
    closing: () => [],
    cut(allowed, usage) {
      keep(allowed);
      const sequence = countIn(last.sequence_number);
      const [piece] = allowed;
      const events: JsonObject[] =
        piece === undefined || DELTAS[textIn(last.type)] === undefined ? [] : [{ ...last, delta: piece.text }];
      const output = [...items].map(([index, item]) => itemUpTo(item, index, texts));
      const ended = { ...response, ...INCOMPLETE, output, usage: wireUsage(usage) };
      const end = { type: 'response.incomplete', sequence_number: sequence + 1, response: ended };
      return [...events, end].map((data) => namedEvent(textIn(data.type), data));
    },
    error(error, requestId) {
      const { code, message, param } = error.body(requestId).error;
      return namedEvent('error', {
        type: 'error',
        sequence_number: countIn(last.sequence_number) + 1,
        code,
        message,
        param,
      });
    },
  };
}

const INCOMPLETE = { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } };

function piecesOf(data: JsonObject): readonly TextPiece[] {
  const index = countIn(data.output_index);
  const item = objectIn(data.item);
  // A call's name comes with the item, its arguments in deltas.
  if (data.type === 'response.output_item.added') return piece(`${index}:tool.name`, textIn(item?.name));
  const kind = DELTAS[textIn(data.type)];
  return kind === undefined ? [] : piece(laneOf(index, kind, data), textIn(data.delta));
}

function laneOf(index: number, kind: string, { content_index, summary_index }: JsonObject): string {
  return `${index}.${countIn(content_index ?? summary_index)}:${kind}`;
}

function piece(lane: string, text: string): readonly TextPiece[] {
  return text === '' ? [] : [{ lane, text }];
}

/** An item with the texts that were let through. */
function itemUpTo(item: JsonObject, index: number, texts: ReadonlyMap<string, string>): JsonObject {
  if (item.status === 'completed') return item;
  const call = texts.get(`${index}.0:tool`) ?? '';
  if (item.type === 'function_call') return { ...item, arguments: call, status: 'incomplete' };
  if (item.type === 'custom_tool_call') return { ...item, input: call, status: 'incomplete' };
  if (item.type !== 'message') return item;
  const text = texts.get(`${index}.0:content`) ?? '';
  return { ...item, status: 'incomplete', content: [{ type: 'output_text', text, annotations: [] }] };
}

function responsesAnswer(): AnswerFormat {
  return {
    pieces: (answer) => objectsIn(answer.output).flatMap((item, index) => itemPieces(item, index)),
    usage: usageOf,
    cut: (answer, allowed, usage) => ({
      ...answer,
      ...INCOMPLETE,
      output: objectsIn(answer.output).flatMap((item, index) => cutItem(item, index, allowed)),
      usage: wireUsage(usage),
    }),
  };
}

function itemPieces(item: JsonObject, index: number): readonly TextPiece[] {
  const parts = objectsIn(item.content);
  const summary = objectsIn(item.summary);
  return [
    ...summary.flatMap(({ text }, place) => piece(`${index}.${place}:reasoning`, textIn(text))),
    ...parts.flatMap((part, place) => piece(`${index}.${place}:content`, textIn(part.text) || textIn(part.refusal))),
    ...piece(`${index}:tool.name`, item.type === 'function_call' ? textIn(item.name) : ''),
    ...piece(`${index}.0:tool`, textIn(item.arguments) || textIn(item.input)),
  ];
}

/** A message is shortened; another item that is not whole is left out. */
function cutItem(item: JsonObject, index: number, allowed: ReadonlyMap<string, string>): readonly JsonObject[] {
  const pieces = itemPieces(item, index);
  if (pieces.every(({ lane, text }) => allowed.get(lane) === text)) return [item];
  if (item.type !== 'message' || pieces.every(({ lane }) => !allowed.has(lane))) return [];
  const content = objectsIn(item.content).map((part, place) => {
    const text = allowed.get(`${index}.${place}:content`) ?? '';
    return part.type === 'refusal' ? { ...part, refusal: text } : { ...part, text, annotations: [] };
  });
  return [{ ...item, status: 'incomplete', content }];
}

function usageOf(response: JsonObject): TokenUsage | undefined {
  const { input_tokens, output_tokens, output_tokens_details } = objectIn(response.usage) ?? {};
  return saneUsage({
    prompt_tokens: input_tokens,
    completion_tokens: output_tokens,
    completion_tokens_details: output_tokens_details,
  });
}

function wireUsage({ inputTokens, outputTokens }: TokenUsage): JsonObject {
  return {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: inputTokens + outputTokens,
  };
}
