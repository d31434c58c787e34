import { isSet, type JsonObject, objectIn, objectsIn, textIn } from '../../protocols/json-fields.ts';
import { newLosses } from '../../protocols/losses.ts';
import type { ChatCall, TranslatedCall } from '../dialect.ts';
import { noteUnknown, refused } from '../translating.ts';

/** Fields that DashScope has under the same name, in `parameters`. */
const SAME = [
  'temperature',
  'top_p',
  'top_k',
  'seed',
  'stop',
  'n',
  'presence_penalty',
  'repetition_penalty',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'response_format',
  'logprobs',
  'top_logprobs',
  'enable_thinking',
  'thinking_budget',
  'enable_search',
  'search_options',
];

const TRANSLATED = new Set([
  ...SAME,
  'model',
  'messages',
  'stream',
  'stream_options',
  'max_tokens',
  'max_completion_tokens',
  'reasoning_effort',
]);

/** Thinking budgets for OpenAI's efforts, in tokens. */
const BUDGETS: Readonly<Record<string, number>> = { minimal: 1024, low: 1024, medium: 4096, high: 16_384 };

/** A chat completion request in DashScope's own form (`input`, `parameters`). */
export function dashscopeRequest({ body, model, isStream, maxTokens }: ChatCall): TranslatedCall {
  const losses = newLosses();
  noteUnknown(body, TRANSLATED, losses);
  const same = SAME.filter((name) => isSet(body[name])).map((name) => [name, body[name]]);
  const messages = objectsIn(body.messages);
  const isPlain = messages.every(({ content }) => objectsIn(content).every(({ type }) => type === 'text'));
  return {
    losses,
    body: {
      model,
      input: {
        messages: messages.map((message, index) => messageOf(message, `messages.${index}`, isPlain ? 'text' : 'parts')),
      },
      parameters: {
        ...thinkingOf(body.reasoning_effort),
        ...Object.fromEntries(same),
        result_format: 'message',
        ...(maxTokens !== undefined && { max_tokens: maxTokens }),
        ...(isStream && { incremental_output: true }),
      },
    },
  };
}

/** Does the request hold parts, so that the multimodal service must take it? */
export function isMultimodal({ input }: JsonObject): boolean {
  return objectsIn(objectIn(input)?.messages).some(({ content }) => Array.isArray(content));
}

function thinkingOf(effort: unknown): JsonObject {
  if (effort === 'none') return { enable_thinking: false };
  const budget = BUDGETS[textIn(effort)];
  return budget === undefined ? {} : { enable_thinking: true, thinking_budget: budget };
}

/** One service takes texts alone, the other parts alone. */
function messageOf(message: JsonObject, path: string, form: 'text' | 'parts'): JsonObject {
  const { role, content, reasoning_content: _, thinking_blocks: __, ...rest } = message;
  const parts = typeof content === 'string' ? [{ type: 'text', text: content }] : objectsIn(content);
  const written =
    form === 'text'
      ? parts.map((part: JsonObject) => textIn(part.text)).join('')
      : parts.map((part: JsonObject, index) => partOf(part, `${path}.content.${index}`));
  return { ...rest, role: role === 'developer' ? 'system' : role, content: written };
}

function partOf(part: JsonObject, path: string): JsonObject {
  switch (part.type) {
    case 'text':
      return { text: textIn(part.text) };
    case 'image_url':
      return { image: objectIn(part.image_url)?.url };
    case 'video_url':
      return { video: objectIn(part.video_url)?.url };
    case 'input_audio':
      return { audio: objectIn(part.input_audio)?.data };
    default:
      throw refused(path, `parts of the type "${textIn(part.type)}"`);
  }
}
