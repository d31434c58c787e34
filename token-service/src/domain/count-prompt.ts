import type { ModelFamily } from '@ai-gateway/contracts';
import type { RenderChat } from './chat-template.ts';
import { imageFormulaOf } from './image-formula.ts';
import { imageTokens } from './image-tokens.ts';
import { countOpenAiPrompt } from './openai-prompt.ts';
import { type ChatCount, type ChatMessage, imagesIn, isRecord, type Prompt, textOf } from './prompt.ts';

/** A chat prompt to be counted. */
export interface PromptRequest extends Prompt {
  /** Variables of the request for the model's template. */
  readonly variables: Readonly<Record<string, unknown>>;
}

/** What counting a prompt needs to know of the model. */
export interface PromptContext {
  readonly family: ModelFamily;
  /** The bare name, which formulas for images go by. */
  readonly bareModel: string;
  /** The model's own template; undefined = OpenAI's published overhead. */
  readonly render: RenderChat | undefined;
  readonly count: (text: string) => number;
}

/**
 * Tokens of a chat prompt. With a template: what the template writes, counted with its special tokens, as vLLM and
 * SGLang do it. Without: OpenAI's formula. A template that refuses the messages leaves an estimate by that formula.
 */
export function countPrompt(request: PromptRequest, context: PromptContext): ChatCount {
  const { render, family } = context;
  const written = render === undefined ? undefined : rendered(request, render);
  if (written === undefined) {
    const counted = countOpenAiPrompt(imageFormulaOf(context.bareModel), request, context.count);
    return { tokens: counted.tokens, exact: counted.exact && family.exact_chat && render === undefined };
  }
  const images = imagesIn(request.messages);
  const formula = imageFormulaOf(context.bareModel);
  const imageCount = images.reduce((sum, image) => sum + imageTokens(formula, image).tokens, 0);
  const isCovered = images.length === 0 && request.messages.every(isCoveredMessage);
  return { tokens: context.count(written) + imageCount, exact: family.exact_chat && isCovered };
}

/** The prompt as text, or undefined when the template refuses these messages. */
function rendered(request: PromptRequest, render: RenderChat): string | undefined {
  const { messages, tools, variables } = request;
  try {
    return render({ messages, tools, variables });
  } catch {
    return undefined;
  }
}

/** Whether the template writes all of a message here as it does in Python. */
function isCoveredMessage({ content, tool_calls: calls }: ChatMessage): boolean {
  const isText = !Array.isArray(content) || content.every((part) => isRecord(part) && part.type === 'text');
  return isText && !(Array.isArray(calls) && calls.some(hasPythonNumber));
}

/** Numbers that JavaScript writes in another way than Python: 100.0, 1e-7, integers beyond 2^53. */
const PYTHON_NUMBER = /\d\.\d*0(?!\d)|\d[eE][-+]?\d|\d{16}/;

function hasPythonNumber(call: unknown): boolean {
  const named = isRecord(call) && isRecord(call.function) ? call.function.arguments : undefined;
  return typeof named === 'string' && PYTHON_NUMBER.test(named);
}

/** A prompt as one text, for people: what the template writes, or the messages one after the other. */
export function promptText(request: PromptRequest, { render }: PromptContext): string {
  const written = render === undefined ? undefined : rendered(request, render);
  return written ?? request.messages.map(({ content }) => textOf(content)).join('\n');
}
