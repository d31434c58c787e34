import { type Answer, type Choice, CREATED, type ToolCall, type Usage } from './answer.ts';
import type { Controls } from './controls.ts';
import { mockTokens } from './mock-tokens.ts';

const FINGERPRINT = 'fp_mock';

/** The answer as one JSON body. */
export function answerJson(answer: Answer, controls: Controls): string {
  const isChat = answer.kind === 'chat';
  const usage = isWithout(controls) ? undefined : wireUsage(answer.usage, controls);
  return JSON.stringify({
    id: answer.id,
    object: isChat ? 'chat.completion' : 'text_completion',
    created: CREATED,
    model: answer.model,
    choices: answer.choices.map((choice) => ({
      index: choice.index,
      ...(isChat ? { message: messageOf(choice) } : { text: choice.text }),
      logprobs: null,
      finish_reason: controls.noFinish === true ? null : choice.finishReason,
    })),
    usage,
    system_fingerprint: FINGERPRINT,
  });
}

/** What decides how an answer is cut into the events of a stream. */
export interface StreamSpec {
  readonly controls: Controls;
  /** Whether the client asked for usage (`stream_options.include_usage`). */
  readonly includesUsage: boolean;
}

/**
 * The answer as the `data` of each event of a stream, in order, without `[DONE]`: an opening event for each choice,
 * the parts of all choices in turn, a closing event for each choice, and one event with usage where asked for.
 */
export function answerEvents(answer: Answer, { controls, includesUsage }: StreamSpec): string[] {
  const usage = usagePlan(answer, controls, includesUsage);
  const head = eventHead(answer);
  const parts = answer.choices.map((choice) => partsOf(answer.kind, choice, controls));
  const events: string[] = [];
  const add = (choice: Choice, part: string, finishReason: string) =>
    events.push(
      `${head}{"index":${choice.index},${part},"logprobs":null,"finish_reason":${finishReason}}]${usage.every}}`,
    );

  const longest = Math.max(...parts.map((list) => list.length));
  for (let round = 0; round < longest; round += 1) {
    for (const choice of answer.choices) {
      const part = parts[choice.index]?.[round];
      if (part !== undefined) add(choice, part, 'null');
    }
  }
  if (controls.noFinish !== true) {
    for (const choice of answer.choices) add(choice, emptyPart(answer.kind), JSON.stringify(choice.finishReason));
  }
  if (usage.inline !== undefined) events.push(withUsage(events.pop() ?? '', usage.every, usage.inline));
  if (usage.last !== undefined) events.push(`${head}],"usage":${usage.last}}`);
  return events;
}

interface UsagePlan {
  /** Text that ends every event after its choices. */
  readonly every: string;
  /** Usage inside the closing event. */
  readonly inline?: string;
  /** Usage of an event of its own, with no choices. */
  readonly last?: string;
}

function usagePlan(answer: Answer, controls: Controls, includesUsage: boolean): UsagePlan {
  if (isWithout(controls)) return { every: '' };
  const usage = JSON.stringify(wireUsage(answer.usage, controls));
  switch (controls.usage) {
    case 'inline':
      return { every: '', inline: usage };
    case 'cumulative':
      return { every: `,"usage":${usage}` };
    case 'always':
      return { every: ',"usage":null', last: usage };
    default:
      return includesUsage ? { every: ',"usage":null', last: usage } : { every: '' };
  }
}

function withUsage(event: string, ending: string, usage: string): string {
  return `${event.slice(0, event.length - ending.length - 1)},"usage":${usage}}`;
}

function isWithout(controls: Controls): boolean {
  return controls.noUsage === true;
}

function wireUsage(usage: Usage, controls: Controls): unknown {
  if (controls.usage === 'malformed') {
    return { prompt_tokens: '12', completion_tokens: -3, total_tokens: null };
  }
  const { promptTokens, completionTokens } = reportedTokens(usage, controls.usage);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    ...(usage.reasoningTokens > 0
      ? { completion_tokens_details: { reasoning_tokens: usage.reasoningTokens } }
      : undefined),
  };
}

function reportedTokens(usage: Usage, reported: string | undefined): Omit<Usage, 'reasoningTokens'> {
  if (reported === 'bogus') return { promptTokens: 1, completionTokens: 999_999 };
  const given = reported === undefined ? null : /^(\d+)\/(\d+)$/.exec(reported);
  if (given === null) return usage;
  return { promptTokens: Number(given[1]), completionTokens: Number(given[2]) };
}

function messageOf(choice: Choice) {
  return {
    role: 'assistant',
    content: choice.toolCalls.length > 0 ? null : choice.text,
    ...(choice.reasoning === '' ? undefined : { reasoning_content: choice.reasoning }),
    ...(choice.toolCalls.length === 0 ? undefined : { tool_calls: choice.toolCalls.map(wireToolCall) }),
    refusal: null,
  };
}

function wireToolCall(call: ToolCall) {
  return { id: call.id, type: 'function', function: { name: call.name, arguments: call.arguments } };
}

function eventHead(answer: Answer): string {
  const object = answer.kind === 'chat' ? 'chat.completion.chunk' : 'text_completion';
  const model = JSON.stringify(answer.model);
  return `{"id":"${answer.id}","object":"${object}","created":${CREATED},"model":${model},"system_fingerprint":"${FINGERPRINT}","choices":[`;
}

function emptyPart(kind: Answer['kind']): string {
  return kind === 'chat' ? '"delta":{}' : '"text":""';
}

function partsOf(kind: Answer['kind'], choice: Choice, controls: Controls): string[] {
  const texts = splitText(choice.text, controls);
  if (kind === 'completion') return texts.map((text) => `"text":${JSON.stringify(text)}`);
  const content = choice.toolCalls.length > 0 ? 'null' : '""';
  return [
    `"delta":{"role":"assistant","content":${content},"refusal":null}`,
    ...splitText(choice.reasoning, controls).map((text) => `"delta":{"reasoning_content":${JSON.stringify(text)}}`),
    ...texts.map((text) => `"delta":{"content":${JSON.stringify(text)}}`),
    ...choice.toolCalls.flatMap((call, index) => toolCallParts(call, index, controls)),
  ];
}

function toolCallParts(call: ToolCall, index: number, controls: Controls): string[] {
  const opening = { index, id: call.id, type: 'function', function: { name: call.name, arguments: '' } };
  const deltas = splitText(call.arguments, { ...controls, chunk: controls.chunk ?? 8 });
  return [opening, ...deltas.map((text) => ({ index, function: { arguments: text } }))].map(
    (delta) => `"delta":{"tool_calls":[${JSON.stringify(delta)}]}`,
  );
}

/** Cuts a text into the deltas of a stream: mock tokens, or `chunk` characters each, or whole for `chunk=0`. */
function splitText(text: string, { chunk, utf16 }: Controls): string[] {
  if (text === '') return [];
  if (chunk === undefined) return mockTokens(text);
  if (chunk === 0) return [text];
  // With utf16 a surrogate pair may be torn apart; JSON then carries each half as an escape, as some providers do.
  const units = utf16 === true ? text.split('') : Array.from(text);
  const pieces: string[] = [];
  for (let start = 0; start < units.length; start += chunk) pieces.push(units.slice(start, start + chunk).join(''));
  return pieces;
}
