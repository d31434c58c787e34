import { z } from 'zod';

const count = z.number().int().min(1);
const seed = z.number().int();
const shared = {
  model: z.string().min(1),
  stream: z.boolean().nullish(),
  n: count.max(128).nullish(),
  max_tokens: count.nullish(),
  seed: seed.nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
};

const toolShape = z.looseObject({ function: z.looseObject({ name: z.string() }).optional() });

/** What the mock reads of `POST /v1/chat/completions`; anything else is accepted and ignored. */
export const chatRequest = z.looseObject({
  ...shared,
  messages: z.array(z.looseObject({ role: z.string(), content: z.unknown() })).min(1),
  max_completion_tokens: count.nullish(),
  tools: z.array(toolShape).nullish(),
  tool_choice: z.union([z.string(), toolShape]).nullish(),
});

/** What the mock reads of `POST /v1/completions`. */
export const completionRequest = z.looseObject({
  ...shared,
  prompt: z.union([z.string(), z.array(z.string())]),
});

/** Both kinds of request, reduced to what decides the answer. */
export interface Question {
  readonly kind: 'chat' | 'completion';
  readonly model: string;
  readonly isStream: boolean;
  readonly choices: number;
  readonly maxTokens: number | undefined;
  readonly seed: number;
  readonly includesUsage: boolean;
  /** All texts of the request, joined by line ends: what is counted as the prompt. */
  readonly prompt: string;
  /** Text that may hold directives: the last user message, or the prompt of a completion. */
  readonly directiveText: string;
  readonly toolNames: readonly string[];
  /** Whether `tool_choice` obliges the model to call a tool. */
  readonly mustCallTool: boolean;
}

/** Reduces a parsed chat request. */
export function chatQuestion(body: z.infer<typeof chatRequest>): Question {
  const lastUser = body.messages.findLast((message) => message.role === 'user');
  const choice = body.tool_choice;
  const forced = typeof choice === 'object' ? choice?.function?.name : undefined;
  const offered = (body.tools ?? []).flatMap((tool) => tool.function?.name ?? []);
  return {
    kind: 'chat',
    ...sharedParts(body),
    maxTokens: body.max_completion_tokens ?? body.max_tokens ?? undefined,
    prompt: body.messages.map((message) => textOf(message.content)).join('\n'),
    directiveText: textOf(lastUser?.content),
    toolNames: forced === undefined ? offered : [forced],
    mustCallTool: forced !== undefined || choice === 'required',
  };
}

/** Reduces a parsed completion request. */
export function completionQuestion(body: z.infer<typeof completionRequest>): Question {
  const prompt = typeof body.prompt === 'string' ? body.prompt : body.prompt.join('\n');
  return {
    kind: 'completion',
    ...sharedParts(body),
    maxTokens: body.max_tokens ?? undefined,
    prompt,
    directiveText: prompt,
    toolNames: [],
    mustCallTool: false,
  };
}

function sharedParts(body: z.infer<typeof chatRequest> | z.infer<typeof completionRequest>) {
  return {
    model: body.model,
    isStream: body.stream === true,
    choices: body.n ?? 1,
    seed: body.seed ?? 0,
    includesUsage: body.stream_options?.include_usage === true,
  };
}

const textPart = z.looseObject({ type: z.literal('text'), text: z.string() });

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.flatMap((part) => textPart.safeParse(part).data?.text ?? []).join('\n');
}
