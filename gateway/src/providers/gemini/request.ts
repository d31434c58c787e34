import { isSet, type JsonObject, objectIn, objectsIn, parseObject, textIn } from '../../protocols/json-fields.ts';
import { newLosses } from '../../protocols/losses.ts';
import type { ChatCall, TranslatedCall } from '../dialect.ts';
import { dataUrlParts, noteUnknown, refused } from '../translating.ts';

/** Fields of chat completions by their names in Gemini's `generationConfig`. */
const SETTINGS: Readonly<Record<string, string>> = {
  temperature: 'temperature',
  top_p: 'topP',
  top_k: 'topK',
  seed: 'seed',
  presence_penalty: 'presencePenalty',
  frequency_penalty: 'frequencyPenalty',
  n: 'candidateCount',
};

const TRANSLATED = new Set([
  ...Object.keys(SETTINGS),
  'model',
  'messages',
  'stream',
  'stream_options',
  'max_tokens',
  'max_completion_tokens',
  'tools',
  'tool_choice',
  'stop',
  'response_format',
  'reasoning_effort',
]);

/** Thinking budgets for OpenAI's efforts, in tokens, as Google's own OpenAI-compatible endpoint maps them. */
const BUDGETS: Readonly<Record<string, number>> = { none: 0, minimal: 1024, low: 1024, medium: 8192, high: 24_576 };

/**
 * Gemini 3 refuses calls of earlier turns without the signature of the thought behind them, and takes this word for
 * calls that it has not made itself (Google's documentation of thought signatures).
 */
const NO_SIGNATURE = 'skip_thought_signature_validator';

/** A chat completion request as Gemini's `generateContent`. */
export function geminiRequest({ body, model, maxTokens }: ChatCall): TranslatedCall {
  const losses = newLosses();
  noteUnknown(body, TRANSLATED, losses);
  const tools = objectsIn(body.tools);
  tools.forEach((tool, index) => {
    if (tool.type !== 'function') losses.note(`tools.${index}`, 'vital');
  });
  const messages = objectsIn(body.messages);
  const isSystem = ({ role }: JsonObject) => role === 'system' || role === 'developer';
  const system = messages.filter(isSystem).flatMap((message) => partsOf(message, 'messages'));
  return {
    losses,
    body: {
      ...(system.length > 0 && { systemInstruction: { parts: system } }),
      contents: contentsOf(messages, model),
      ...(tools.length > 0 && { tools: [{ functionDeclarations: tools.map(declarationOf) }] }),
      ...toolConfig(body.tool_choice),
      generationConfig: { ...settingsOf(body), ...limitsOf(body, maxTokens), ...formatOf(body.response_format) },
    },
  };
}

function settingsOf(body: JsonObject): JsonObject {
  const given = Object.entries(SETTINGS).filter(([name]) => isSet(body[name]));
  return Object.fromEntries(given.map(([name, theirs]) => [theirs, body[name]]));
}

function limitsOf({ stop, reasoning_effort }: JsonObject, maxTokens: number | undefined): JsonObject {
  const budget = BUDGETS[textIn(reasoning_effort)];
  return {
    ...(maxTokens !== undefined && { maxOutputTokens: maxTokens }),
    ...(isSet(stop) && { stopSequences: typeof stop === 'string' ? [stop] : stop }),
    ...(budget !== undefined && { thinkingConfig: { thinkingBudget: budget, includeThoughts: budget > 0 } }),
  };
}

function formatOf(format: unknown): JsonObject {
  const { type, json_schema } = objectIn(format) ?? {};
  const schema = objectIn(json_schema)?.schema;
  if (type !== 'json_object' && type !== 'json_schema') return {};
  return { responseMimeType: 'application/json', ...(schema !== undefined && { responseJsonSchema: schema }) };
}

function declarationOf(tool: JsonObject): JsonObject {
  const { name, description, parameters } = objectIn(tool.function) ?? {};
  return {
    name,
    ...(isSet(description) && { description }),
    ...(isSet(parameters) && { parametersJsonSchema: parameters }),
  };
}

function toolConfig(choice: unknown): JsonObject {
  const modes: Readonly<Record<string, string>> = { auto: 'AUTO', none: 'NONE', required: 'ANY' };
  const named = objectIn(objectIn(choice)?.function)?.name;
  const mode = named === undefined ? modes[textIn(choice)] : 'ANY';
  if (mode === undefined) return {};
  return {
    toolConfig: { functionCallingConfig: { mode, ...(named !== undefined && { allowedFunctionNames: [named] }) } },
  };
}

/** Messages of one side in a row become one content, as results of parallel calls must be. */
function contentsOf(messages: readonly JsonObject[], model: string): JsonObject[] {
  const contents: { role: string; parts: JsonObject[] }[] = [];
  const nameOfCall = new Map<unknown, unknown>();
  messages.forEach((message, index) => {
    if (message.role === 'system' || message.role === 'developer') return;
    for (const call of objectsIn(message.tool_calls)) nameOfCall.set(call.id, objectIn(call.function)?.name);
    const role = message.role === 'assistant' ? 'model' : 'user';
    const parts =
      message.role === 'tool'
        ? [resultPart(message, nameOfCall.get(message.tool_call_id))]
        : [...partsOf(message, `messages.${index}`), ...callParts(message, model)];
    const last = contents.at(-1);
    if (last?.role === role) last.parts.push(...parts);
    else if (parts.length > 0) contents.push({ role, parts });
  });
  return contents;
}

function callParts(message: JsonObject, model: string): JsonObject[] {
  return objectsIn(message.tool_calls).map((call, index) => {
    const { name, arguments: text } = objectIn(call.function) ?? {};
    const kept = objectIn(objectIn(call.extra_content)?.google)?.thought_signature;
    const signature = kept ?? (index === 0 && model.startsWith('gemini-3') ? NO_SIGNATURE : undefined);
    const part = { functionCall: { name, args: parseObject(textIn(text)) ?? {} } };
    return signature === undefined ? part : { ...part, thoughtSignature: signature };
  });
}

/** A result is an object to Gemini; any other text is wrapped. */
function resultPart({ content }: JsonObject, name: unknown): JsonObject {
  const text =
    typeof content === 'string'
      ? content
      : objectsIn(content)
          .map((part) => textIn(part.text))
          .join('');
  return { functionResponse: { name, response: parseObject(text) ?? { result: text } } };
}

function partsOf({ content }: JsonObject, path: string): JsonObject[] {
  if (typeof content === 'string') return content === '' ? [] : [{ text: content }];
  return objectsIn(content).map((part, index) => partOf(part, `${path}.content.${index}`));
}

function partOf(part: JsonObject, path: string): JsonObject {
  switch (part.type) {
    case 'text':
      return { text: textIn(part.text) };
    case 'image_url':
      return inline(textIn(objectIn(part.image_url)?.url), path);
    case 'file':
      return inline(textIn(objectIn(part.file)?.file_data), path);
    case 'input_audio': {
      const { data, format } = objectIn(part.input_audio) ?? {};
      return { inlineData: { mimeType: `audio/${textIn(format)}`, data } };
    }
    default:
      throw refused(path, `parts of the type "${textIn(part.type)}"`);
  }
}

function inline(url: string, path: string): JsonObject {
  const inlined = dataUrlParts(url);
  if (inlined === undefined) throw refused(path, 'files by their address; send them as data URLs in base64');
  return { inlineData: { mimeType: inlined.mediaType, data: inlined.base64 } };
}
