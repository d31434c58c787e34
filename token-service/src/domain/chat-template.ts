import { Template } from '@huggingface/jinja';

/**
 * What templates take messages for. `objects`: arguments of tool calls are objects and absent content is an empty text,
 * as vLLM prepares them; `texts`: as clients send them, arguments as text and absent content as none.
 */
export type TemplateDialect = 'objects' | 'texts';

/** A model's own chat template, and what it takes besides the messages. */
export interface TemplateSource {
  /** Jinja, as published in the model's `tokenizer_config.json`. */
  readonly source: string;
  readonly bosToken: string;
  readonly eosToken: string;
  readonly dialect: TemplateDialect;
  /** The template goes through the parts of a content itself; others are given one text. */
  readonly takesParts?: boolean;
}

/** What is written into a template. */
export interface TemplateInput {
  readonly messages: readonly Readonly<Record<string, unknown>>[];
  readonly tools: readonly unknown[] | undefined;
  /** The request's own variables (`enable_thinking`). */
  readonly variables: Readonly<Record<string, unknown>>;
}

/** Writes a prompt as the model sees it, with today's date where it has one. Throws when the template refuses the messages. */
export type RenderChat = (input: TemplateInput) => string;

/** Compiles a chat template, which takes a few milliseconds. */
export function chatTemplate({ source, bosToken, eosToken, dialect, takesParts }: TemplateSource): RenderChat {
  const template = new Template(source);
  return ({ messages, tools, variables }) =>
    template.render({
      add_generation_prompt: true,
      ...variables,
      messages: messages.map((message) => templateMessage(message, { dialect, takesParts: takesParts === true })),
      ...(tools !== undefined &&
        tools.length > 0 && { tools: dialect === 'objects' ? tools.map(templateTool) : tools }),
      bos_token: bosToken,
      eos_token: eosToken,
    });
}

/** A tool with the fields that vLLM fills in. */
function templateTool(tool: unknown): unknown {
  const { type, function: called, ...rest } = (tool ?? {}) as { type?: unknown; function?: object };
  if (called === undefined) return tool;
  const { name, description, parameters, ...more } = called as Readonly<Record<string, unknown>>;
  const filled = { name, description: description ?? null, parameters: parameters ?? null, ...more };
  return { type, function: filled, ...rest };
}

interface MessageForm {
  readonly dialect: TemplateDialect;
  readonly takesParts: boolean;
}

/** A message as templates expect it: text parts joined as vLLM joins them, or left apart. */
function templateMessage(message: Readonly<Record<string, unknown>>, { dialect, takesParts }: MessageForm) {
  const { content, tool_calls, ...rest } = message;
  const absent = dialect === 'texts' ? null : '';
  return {
    ...rest,
    content: takesParts && Array.isArray(content) ? content : (flatContent(content) ?? absent),
    ...(Array.isArray(tool_calls) && { tool_calls: tool_calls.map((call) => templateCall(call, dialect)) }),
  };
}

function flatContent(content: unknown): unknown {
  if (!Array.isArray(content)) return content;
  return content
    .map((part: { type?: unknown; text?: unknown } | null) =>
      part?.type === 'text' ? String(part.text ?? '') : undefined,
    )
    .filter((text) => text !== undefined)
    .join('\n');
}

function templateCall(call: unknown, dialect: TemplateDialect): unknown {
  const { function: called, ...rest } = (call ?? {}) as { function?: { arguments?: unknown } };
  if (called === undefined) return call;
  const given = called.arguments === '' ? '{}' : (called.arguments ?? '{}');
  const written = dialect === 'texts' ? asText(given) : parsed(given);
  return { ...rest, function: { ...called, arguments: written } };
}

function asText(given: unknown): string {
  return typeof given === 'string' ? given : JSON.stringify(given);
}

function parsed(given: unknown): unknown {
  if (typeof given !== 'string') return given;
  try {
    return JSON.parse(given);
  } catch {
    return given;
  }
}
