import type { AnswerContext, AnswerWriter, StreamWriter } from '../client-protocol.ts';
import { countIn, isSet, type JsonObject, objectIn, objectsIn, textIn } from '../json-fields.ts';
import { namedEvent } from '../sse.ts';

/** Writes chat completions as OpenAI's responses. */
export const responsesWriter: AnswerWriter = { plain, stream };

function plain(answer: JsonObject, context: AnswerContext): JsonObject {
  const choice = objectsIn(answer.choices)[0] ?? {};
  const message = objectIn(choice.message) ?? {};
  const { requestId } = context;
  const isCut = choice.finish_reason === 'length';
  const output: JsonObject[] = [];
  const reasoning = textIn(message.reasoning_content) || textIn(message.reasoning);
  const content = [...textParts(message.content, 'output_text'), ...textParts(message.refusal, 'refusal')];
  if (reasoning !== '') output.push(reasoningItem(`rs_${requestId}`, reasoning));
  if (content.length > 0) output.push(messageItem(`msg_${requestId}`, content, statusOf(isCut)));
  objectsIn(message.tool_calls).forEach((call, index) => {
    const { name, arguments: text } = objectIn(call.function) ?? {};
    const named = { id: `fc_${index}_${requestId}`, call_id: call.id, name };
    output.push(callItem(named, textIn(text), statusOf(isCut)));
  });
  return { ...envelope(context, answer), ...endOf(choice), output, usage: usageOf(objectIn(answer.usage)) };
}

function textParts(text: unknown, type: 'output_text' | 'refusal'): readonly JsonObject[] {
  if (textIn(text) === '') return [];
  return [type === 'refusal' ? { type, refusal: text } : { type, text, annotations: [], logprobs: [] }];
}

function statusOf(isCut: boolean): string {
  return isCut ? 'incomplete' : 'completed';
}

function messageItem(id: string, content: readonly JsonObject[], status: string): JsonObject {
  return { id, type: 'message', status, role: 'assistant', content };
}

function reasoningItem(id: string, text: string): JsonObject {
  return { id, type: 'reasoning', summary: text === '' ? [] : [{ type: 'summary_text', text }] };
}

function callItem(named: JsonObject, text: string, status: string): JsonObject {
  return { ...named, type: 'function_call', arguments: text, status };
}

/** The fields of a response that repeat the request, with OpenAI's defaults. */
function envelope({ requestId, chat, nowSeconds }: AnswerContext, { model }: JsonObject): JsonObject {
  const { instructions, metadata, temperature, top_p, tools, tool_choice, text, reasoning } = chat.original;
  return {
    id: `resp_${requestId}`,
    object: 'response',
    created_at: nowSeconds,
    status: 'in_progress',
    background: false,
    error: null,
    incomplete_details: null,
    instructions: instructions ?? null,
    max_output_tokens: chat.original.max_output_tokens ?? null,
    metadata: metadata ?? {},
    model: textIn(model) || chat.requestedModel,
    output: [],
    parallel_tool_calls: chat.original.parallel_tool_calls ?? true,
    previous_response_id: null,
    reasoning: { effort: null, summary: null, ...objectIn(reasoning) },
    store: false,
    temperature: temperature ?? 1,
    text: { format: { type: 'text' }, ...objectIn(text) },
    tool_choice: tool_choice ?? 'auto',
    tools: tools ?? [],
    top_p: top_p ?? 1,
    truncation: 'disabled',
    usage: null,
  };
}

function endOf({ finish_reason }: JsonObject): JsonObject {
  if (finish_reason === 'length') return { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } };
  if (finish_reason === 'content_filter') {
    return { status: 'incomplete', incomplete_details: { reason: 'content_filter' } };
  }
  return { status: 'completed' };
}

function usageOf(usage: JsonObject | undefined): JsonObject | null {
  if (usage === undefined) return null;
  const input_tokens = countIn(usage.prompt_tokens);
  const output_tokens = countIn(usage.completion_tokens);
  const cached = objectIn(usage.prompt_tokens_details)?.cached_tokens;
  const reasoning = objectIn(usage.completion_tokens_details)?.reasoning_tokens;
  return {
    input_tokens,
    input_tokens_details: { cached_tokens: countIn(cached) },
    output_tokens,
    output_tokens_details: { reasoning_tokens: countIn(reasoning) },
    total_tokens: input_tokens + output_tokens,
  };
}

type ItemKind = 'message' | 'reasoning' | 'call';

/** An item of the output while it is written. */
interface Item {
  readonly kind: ItemKind;
  readonly index: number;
  readonly id: string;
  /** Call id and name of a call. */
  readonly named: JsonObject;
  text: string;
}

/** State of one stream being written. */
interface Written {
  readonly context: AnswerContext;
  sequence: number;
  head: JsonObject | undefined;
  readonly items: Item[];
  /** Items that are not done; calls may run side by side. */
  readonly open: Map<string, Item>;
  readonly done: JsonObject[];
  end: JsonObject;
  usage: JsonObject | undefined;
}

function stream(context: AnswerContext): StreamWriter {
  const written: Written = {
    context,
    sequence: 0,
    head: undefined,
    items: [],
    open: new Map(),
    done: [],
    end: { status: 'completed' },
    usage: undefined,
  };
  return {
    write(chunk) {
      const error = objectIn(chunk.error);
      if (error !== undefined) {
        const { code, message, param } = error;
        return [event(written, 'error', { code, message, param: param ?? null })];
      }
      written.usage = objectIn(chunk.usage) ?? written.usage;
      return [...started(written, chunk), ...objectsIn(chunk.choices).flatMap((choice) => deltas(written, choice))];
    },
    end: () => [
      ...started(written, {}),
      ...[...written.open.keys()].flatMap((key) => closed(written, key)),
      ended(written),
    ],
  };
}

function event(written: Written, type: string, data: JsonObject): string {
  return namedEvent(type, { type, sequence_number: written.sequence++, ...data });
}

function started(written: Written, chunk: JsonObject): readonly string[] {
  if (written.head !== undefined) return [];
  written.head = envelope(written.context, chunk);
  const response = written.head;
  return [event(written, 'response.created', { response }), event(written, 'response.in_progress', { response })];
}

function deltas(written: Written, choice: JsonObject): readonly string[] {
  const delta = objectIn(choice.delta) ?? {};
  const events: string[] = [];
  const reasoning = textIn(delta.reasoning_content) || textIn(delta.reasoning);
  const text = textIn(delta.content) + textIn(delta.refusal);
  if (reasoning !== '') events.push(...grown(written, { kind: 'reasoning', key: 'reasoning', named: {} }, reasoning));
  if (text !== '') events.push(...grown(written, { kind: 'message', key: 'message', named: {} }, text));
  for (const call of objectsIn(delta.tool_calls)) {
    const { name, arguments: part } = objectIn(call.function) ?? {};
    const key = `call${countIn(call.index)}`;
    // A call that the cap has left without a name is none.
    if (!written.open.has(key) && textIn(name) === '') continue;
    events.push(...grown(written, { kind: 'call', key, named: { call_id: call.id, name } }, textIn(part)));
  }
  if (typeof choice.finish_reason === 'string') written.end = endOf(choice);
  return events;
}

interface Place {
  readonly kind: ItemKind;
  readonly key: string;
  readonly named: JsonObject;
}

const PREFIXES: Readonly<Record<ItemKind, string>> = { message: 'msg', reasoning: 'rs', call: 'fc' };

/** Adds to an item, which is opened where there is none; thoughts and words end when something else begins. */
function grown(written: Written, { kind, key, named }: Place, text: string): readonly string[] {
  const events: string[] = [];
  let item = written.open.get(key);
  if (item === undefined) {
    for (const other of ['message', 'reasoning']) events.push(...closed(written, other));
    const index = written.items.length;
    item = { kind, index, id: `${PREFIXES[kind]}_${index}_${written.context.requestId}`, named, text: '' };
    written.items.push(item);
    written.open.set(key, item);
    events.push(...opened(written, item));
  }
  item.text += text;
  if (text !== '')
    events.push(event(written, DELTAS[kind].delta, { ...placeOf(item), delta: text, ...DELTAS[kind].more }));
  return events;
}

/** Names of the events of a kind of item. */
const DELTAS = {
  message: { delta: 'response.output_text.delta', more: { logprobs: [] } },
  reasoning: { delta: 'response.reasoning_summary_text.delta', more: {} },
  call: { delta: 'response.function_call_arguments.delta', more: {} },
} as const;

function placeOf({ kind, id, index }: Item): JsonObject {
  const parts = { message: { content_index: 0 }, reasoning: { summary_index: 0 }, call: {} }[kind];
  return { item_id: id, output_index: index, ...parts };
}

function itemOf({ kind, id, named, text }: Item, status: string): JsonObject {
  switch (kind) {
    case 'message':
      return messageItem(id, textParts(text, 'output_text'), status);
    case 'reasoning':
      return reasoningItem(id, text);
    case 'call':
      return callItem({ id, ...named }, text, status);
    default:
      return kind satisfies never;
  }
}

function opened(written: Written, item: Item): readonly string[] {
  const added = { output_index: item.index, item: itemOf(item, 'in_progress') };
  const events = [event(written, 'response.output_item.added', added)];
  const part = { type: 'output_text', text: '', annotations: [], logprobs: [] };
  if (item.kind === 'message') events.push(event(written, 'response.content_part.added', { ...placeOf(item), part }));
  if (item.kind === 'reasoning') {
    const summary = { ...placeOf(item), part: { type: 'summary_text', text: '' } };
    events.push(event(written, 'response.reasoning_summary_part.added', summary));
  }
  return events;
}

function closed(written: Written, key: string): readonly string[] {
  const item = written.open.get(key);
  if (item === undefined) return [];
  written.open.delete(key);
  const place = placeOf(item);
  const { text } = item;
  const whole = itemOf(item, written.end.status === 'incomplete' ? 'incomplete' : 'completed');
  written.done[item.index] = whole;
  const ends = endsOf(written, item, { place, text });
  return [...ends, event(written, 'response.output_item.done', { output_index: item.index, item: whole })];
}

function endsOf(
  written: Written,
  { kind, named }: Item,
  { place, text }: { readonly place: JsonObject; readonly text: string },
): readonly string[] {
  switch (kind) {
    case 'message': {
      const part = { type: 'output_text', text, annotations: [], logprobs: [] };
      return [
        event(written, 'response.output_text.done', { ...place, text, logprobs: [] }),
        event(written, 'response.content_part.done', { ...place, part }),
      ];
    }
    case 'reasoning':
      return [
        event(written, 'response.reasoning_summary_text.done', { ...place, text }),
        event(written, 'response.reasoning_summary_part.done', { ...place, part: { type: 'summary_text', text } }),
      ];
    case 'call': {
      const { name } = named;
      const whole = { ...place, ...(isSet(name) && { name }), arguments: text };
      return [event(written, 'response.function_call_arguments.done', whole)];
    }
    default:
      return kind satisfies never;
  }
}

function ended(written: Written): string {
  const { head, end, done, usage } = written;
  const type = end.status === 'incomplete' ? 'response.incomplete' : 'response.completed';
  return event(written, type, { response: { ...head, ...end, output: done, usage: usageOf(usage) } });
}
