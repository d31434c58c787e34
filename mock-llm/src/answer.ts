import type { Question } from './chat-request.ts';
import { type Controls, withoutDirectives } from './controls.ts';
import { countMockTokens, mockTokens } from './mock-tokens.ts';
import { hashOf, styleOf, writeText } from './vocabulary.ts';

/** Instant that every answer claims to be made at, in Unix seconds: a clock would make answers differ. */
export const CREATED = 1_750_000_000;

/** Words of an answer when nothing else is said. */
const DEFAULT_WORDS = 32;

const ECHO_MODEL = 'mock-echo';

export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON text. */
  readonly arguments: string;
}

export interface Choice {
  readonly index: number;
  readonly reasoning: string;
  readonly text: string;
  readonly toolCalls: readonly ToolCall[];
  readonly finishReason: string;
}

/** Tokens by the mock's own rule, see `mock-tokens.ts`. */
export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly reasoningTokens: number;
}

/** All that an answer says, before it is put on the wire. */
export interface Answer {
  readonly kind: Question['kind'];
  readonly id: string;
  readonly model: string;
  readonly choices: readonly Choice[];
  readonly usage: Usage;
}

/** Decides the answer. `received` is what `echo-request` gives back: the request as it arrived. */
export function answerTo(question: Question, controls: Controls, received: () => unknown): Answer {
  const context = { question, controls, received, prompt: withoutDirectives(question.prompt) };
  const choices = Array.from({ length: question.choices }, (_, index) => choiceOf(context, index));
  const prefix = question.kind === 'chat' ? 'chatcmpl' : 'cmpl';
  const fingerprint = hashOf(`${question.model}\n${controls.seed ?? question.seed}\n${question.prompt}`);
  return {
    kind: question.kind,
    id: `${prefix}-mock-${fingerprint.toString(16).padStart(8, '0')}`,
    model: question.model,
    choices,
    usage: usageOf(question, choices),
  };
}

interface Context {
  readonly question: Question;
  readonly controls: Controls;
  readonly received: () => unknown;
  readonly prompt: string;
}

function choiceOf(context: Context, index: number): Choice {
  const { question, controls, prompt } = context;
  const seed = (controls.seed ?? question.seed) + index;
  const reasoning =
    controls.reasoning === undefined
      ? ''
      : writeText({ seed, prompt: `reasoning ${prompt}`, style: controls.style ?? 'en', words: controls.reasoning });
  const calls = controls.toolCall ?? (question.mustCallTool ? 1 : 0);
  if (calls > 0) {
    const toolCalls = toolCallsOf(question, calls, seed);
    return { index, reasoning, text: '', toolCalls, finishReason: controls.finish ?? 'tool_calls' };
  }
  const whole = textOf(context, seed);
  const text = controls.ignoreMaxTokens === true ? whole : firstTokens(whole, question.maxTokens);
  const finishReason = controls.finish ?? (text.length < whole.length ? 'length' : 'stop');
  return { index, reasoning, text, toolCalls: [], finishReason };
}

function textOf({ question, controls, received, prompt }: Context, seed: number): string {
  if (controls.text !== undefined) return controls.text;
  if (controls.echoRequest === true) return JSON.stringify(received());
  if (controls.echo === true || question.model.startsWith(ECHO_MODEL)) return prompt;
  const style = controls.style ?? styleOf(prompt);
  return writeText({ seed, prompt, style, words: controls.words ?? DEFAULT_WORDS });
}

function firstTokens(text: string, maxTokens: number | undefined): string {
  if (maxTokens === undefined || text.length <= maxTokens) return text;
  const tokens = mockTokens(text);
  return tokens.length <= maxTokens ? text : tokens.slice(0, maxTokens).join('');
}

function toolCallsOf(question: Question, calls: number, seed: number): ToolCall[] {
  return Array.from({ length: calls }, (_, index) => ({
    id: `call_mock_${hashOf(`${seed}\n${index}\n${question.prompt}`).toString(16).padStart(8, '0')}`,
    name: question.toolNames[index % Math.max(1, question.toolNames.length)] ?? 'lookup',
    arguments: JSON.stringify({ query: withoutDirectives(question.prompt).slice(0, 80), index }),
  }));
}

function usageOf(question: Question, choices: readonly Choice[]): Usage {
  const reasoningTokens = sum(choices.map((choice) => countMockTokens(choice.reasoning)));
  const spokenTokens = sum(
    choices.map(
      (choice) =>
        countMockTokens(choice.text) + sum(choice.toolCalls.map((call) => countMockTokens(call.name + call.arguments))),
    ),
  );
  return {
    promptTokens: countMockTokens(question.prompt),
    completionTokens: reasoningTokens + spokenTokens,
    reasoningTokens,
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
