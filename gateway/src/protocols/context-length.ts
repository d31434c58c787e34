import type { ModelFacts } from '../domain/served-models.ts';
import type { OwnCount } from '../domain/token-drift.ts';
import { objectsIn } from './json-fields.ts';
import type { Chat } from './openai-chat.ts';

/** Most tokens that a chat template adds beside what the bytes of a request cover: a system prompt, a preamble of tools. */
const TEMPLATE_TOKENS = 1024;

/** Part of an estimated count that is there for sure. */
const SURE_PART = 0.9;

/** Might input and asked output be longer than the context? `mostInputTokens` tells what the bytes of the request make at most. */
export function mayExceedContext(chat: Chat, facts: ModelFacts, mostInputTokens: () => number): boolean {
  const { contextTokens, maxOutputTokens = Number.POSITIVE_INFINITY } = facts;
  if (contextTokens === undefined || !isOnePrompt(chat)) return false;
  // An image is counted by its size, whatever the length of its URL.
  if (!objectsIn(chat.body.messages).every(({ content }) => isText(content))) return true;
  const asked = Math.min(chat.clientMax ?? 0, maxOutputTokens);
  return mostInputTokens() + TEMPLATE_TOKENS + asked > contextTokens;
}

/** Is a request surely longer than the context? `asked` are the output tokens of one choice. A rule of thumb is never sure. */
export function isTooLong(chat: Chat, { contextTokens }: ModelFacts, input: OwnCount, asked: number): boolean {
  if (contextTokens === undefined || input.isRough === true || !isOnePrompt(chat)) return false;
  const inputTokens = input.exact ? input.tokens : Math.floor(input.tokens * SURE_PART);
  return inputTokens + asked > contextTokens;
}

/** The count is of the whole request, a context for each of its prompts. */
function isOnePrompt({ texts }: Chat): boolean {
  return texts === undefined || texts.prompts === 1;
}

function isText(content: unknown): boolean {
  return typeof content !== 'object' || content === null || objectsIn(content).every(({ type }) => type === 'text');
}
