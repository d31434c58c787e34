import type { TokenUsage } from './outcome.ts';

/** An own count of a whole input or output. */
export interface OwnCount {
  readonly tokens: number;
  readonly exact: boolean;
  /** A rule of thumb stood in for the vocabulary, so the count says nothing about the model. */
  readonly isRough?: boolean;
  /** The learned ratio that is in an estimate; undefined = 1. */
  readonly ratio?: number | undefined;
}

/** An own count beside what the provider reported for the same text. */
export interface Comparison {
  readonly direction: 'input' | 'output';
  readonly counted: number;
  readonly reported: number;
  readonly exact: boolean;
  /** The learned ratio that is in `counted`. */
  readonly ratio: number;
}

/**
 * Fewest tokens of an answer, per choice, that are compared: many servers count the token that ends an answer, which is
 * in no text, and only from here on it is within 1 %.
 */
const LEAST_OUTPUT = 100;

/** Fields of a request that put something into the prompt, or another prompt in its place, which is not counted. */
const UNCOUNTED_FIELDS = [
  'functions',
  'response_format',
  'web_search_options',
  'documents',
  'chat_template',
  'add_generation_prompt',
  'continue_final_message',
  'enable_thinking',
];

type Fields = Readonly<Record<string, unknown>>;

/** Does the prompt consist of what is counted: messages, tools, variables of the template? A forced tool is written too. */
export function isWholeInput(body: Fields): boolean {
  if (typeof body.tool_choice === 'object' && body.tool_choice !== null) return false;
  return UNCOUNTED_FIELDS.every((field) => body[field] === undefined || body[field] === null);
}

/**
 * The input of a request, if all of it is counted. Images are compared where their count is held to be exact; an estimate
 * would teach others about texts.
 */
export function compareInput(
  body: Fields & { readonly messages: readonly { readonly content?: unknown }[] },
  own: OwnCount,
  usage: TokenUsage,
): Comparison | undefined {
  if (!isWholeInput(body) || !(own.exact || body.messages.every(({ content }) => isText(content)))) return undefined;
  return comparisonOf('input', own, usage.inputTokens);
}

/** What an answer was made of. */
export interface Output {
  readonly choices: number;
  /** Only content was delivered: no reasoning, no tool calls, whose marks are tokens but no text. */
  readonly isContentOnly: boolean;
}

/**
 * May the output be compared with the usage at all? An answer with reasoning is left out, shown or hidden: providers
 * disagree whether `completion_tokens` holds the hidden part, so that it cannot be subtracted either.
 */
export function isComparable({ isContentOnly }: Output, { otherTokens = 0 }: TokenUsage): boolean {
  return isContentOnly && otherTokens === 0;
}

/** The output of a comparable answer, unless it is too short to say anything. */
export function compareOutput({ choices }: Output, own: OwnCount, usage: TokenUsage): Comparison | undefined {
  const isLongEnough = Math.max(own.tokens, usage.outputTokens - choices) >= LEAST_OUTPUT * choices;
  return isLongEnough ? comparisonOf('output', own, usage.outputTokens) : undefined;
}

function comparisonOf(direction: Comparison['direction'], own: OwnCount, reported: number): Comparison | undefined {
  if (own.isRough === true || own.tokens === 0) return undefined;
  return { direction, counted: own.tokens, reported, exact: own.exact, ratio: own.ratio ?? 1 };
}

function isText(content: unknown): boolean {
  if (!Array.isArray(content)) return typeof content !== 'object' || content === null;
  return content.every((part) => (part as { type?: unknown } | null)?.type === 'text');
}
