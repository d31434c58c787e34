import { type ImageFormula, imageTokens } from './image-tokens.ts';
import { type ChatCount, type ChatMessage, imagesIn, isRecord, type Prompt } from './prompt.ts';

/** Tokens of a text in the model's vocabulary. */
type Count = (text: string) => number;

/** What counting a message needs besides the message. */
interface Counting {
  readonly count: Count;
  readonly images: ImageFormula;
  /** Written after the message's text. */
  readonly after: string;
}

/** Tokens that open the reply, and those around every message (OpenAI's cookbook, "How to count tokens with tiktoken"). */
const REPLY_TOKENS = 3;
const MESSAGE_TOKENS = 3;

/**
 * Tokens of a prompt as OpenAI counts it: the cookbook's formula for messages, the guide's for images, and tools in the
 * form in which the model reads them. Whether the model is one for which these are published is the caller's to say.
 * Not exact: tool calls and their results, nested schemas, unknown fields and parts, images whose tokens are not exact.
 */
export function countOpenAiPrompt(images: ImageFormula, prompt: Prompt, count: Count): ChatCount {
  const tools = prompt.tools ?? [];
  const system = tools.length === 0 ? -1 : prompt.messages.findIndex(({ role }) => role === 'system');
  // The tools are written into the first system message, after its text and a line feed.
  const messages = prompt.messages.map((message, index) =>
    countMessage(message, { count, images, after: index === system ? '\n' : '' }),
  );
  const rest = tools.length === 0 ? exactly(0) : countTools(tools, system >= 0, count);
  return sumOf([exactly(REPLY_TOKENS), ...messages, rest]);
}

/** Roles that the cookbook's formula was checked with. */
const PLAIN_ROLES: readonly string[] = ['system', 'user', 'assistant'];

function countMessage(message: ChatMessage, { count, images, after }: Counting): ChatCount {
  const { role, content, name, tool_calls: toolCalls, tool_call_id: _isNotShown, ...others } = message;
  return sumOf([
    { tokens: MESSAGE_TOKENS + count(role), exact: PLAIN_ROLES.includes(role) },
    countContent(content, after, count),
    ...imagesIn([message]).map((image) => imageTokens(images, image)),
    typeof name === 'string' ? exactly(1 + count(name)) : countOther(name, count),
    ...(Array.isArray(toolCalls) ? toolCalls.map((call) => countCall(call, count)) : [countOther(toolCalls, count)]),
    ...Object.values(others).map((value) => countOther(value, count)),
  ]);
}

/** A list counts as its text; that it counts as a string does is known of lists with one text. */
function countContent(content: unknown, after: string, count: Count): ChatCount {
  if (typeof content === 'string') return exactly(count(content + after));
  if (!Array.isArray(content)) return estimate(countOther(content, count).tokens + count(after));

  const texts = content.filter((part) => isRecord(part) && part.type === 'text').map((part) => String(part.text ?? ''));
  const unknown = content.filter((part) => !isRecord(part) || (part.type !== 'text' && part.type !== 'image_url'));
  return sumOf([
    { tokens: count(texts.join('') + after), exact: texts.length <= 1 },
    ...unknown.map((part) => estimate(count(compactJson(part)))),
  ]);
}

/** An answer that called a function was measured as 3 tokens, the name and the arguments as they were written. */
function countCall(call: unknown, count: Count): ChatCount {
  const named = isRecord(call) && isRecord(call.function) ? call.function : undefined;
  if (typeof named?.name !== 'string' || typeof named.arguments !== 'string') return estimate(count(compactJson(call)));
  return estimate(3 + count(named.name) + count(named.arguments));
}

/** A field that the formula does not know; clients send answers back with fields that are empty. */
function countOther(value: unknown, count: Count): ChatCount {
  if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) return exactly(0);
  return estimate(count(typeof value === 'string' ? value : compactJson(value)));
}

/** The tools stand in a system message: 5 tokens more where the prompt has one, 9 where it has to be made. */
const TOOLS_TOKENS = 5;
const TOOLS_AND_SYSTEM_TOKENS = 9;

/**
 * Functions as the TypeScript in which OpenAI's models read them (OpenAI, "Harmony response format"). That gives what
 * the cookbook's section on tool calls documents for its example, and what the tests of `openai-chat-tokens` measured
 * for others, of which the cookbook's own formula with its six constants misses some by a few tokens.
 */
function countTools(tools: readonly unknown[], hasSystem: boolean, count: Count): ChatCount {
  const functions = tools.map(functionOf);
  const text = functionsText(functions.filter((one) => one !== undefined));
  return sumOf([
    exactly((hasSystem ? TOOLS_TOKENS : TOOLS_AND_SYSTEM_TOKENS) + count(text)),
    ...tools.map((tool, index) =>
      functions[index] === undefined
        ? estimate(count(compactJson(tool)))
        : { tokens: 0, exact: isRecord(tool) && isPlainTool(tool) },
    ),
  ]);
}

interface FunctionTool {
  readonly name: string;
  readonly description: unknown;
  readonly parameters: unknown;
}

function functionOf(tool: unknown): FunctionTool | undefined {
  const named = isRecord(tool) && isRecord(tool.function) ? tool.function : undefined;
  if (typeof named?.name !== 'string') return undefined;
  return { name: named.name, description: named.description, parameters: named.parameters };
}

function functionsText(functions: readonly FunctionTool[]): string {
  const lines = functions.flatMap(({ name, description, parameters }) => {
    const properties = propertyLines(parameters, { objects: 0, depth: 0 });
    const signature = properties.length === 0 ? '()' : `(_: {\n${properties.join('\n')}\n})`;
    return [...commentLines(description), `type ${name} = ${signature} => any;`, ''];
  });
  return ['namespace functions {', '', ...lines, '} // namespace functions'].join('\n');
}

function commentLines(description: unknown): readonly string[] {
  return typeof description === 'string' && description !== '' ? [`// ${description}`] : [];
}

/** Where a schema stands: levels of objects above it, and of anything. */
interface Place {
  readonly objects: number;
  readonly depth: number;
}

/** Schemas that are nested deeper are `any`, so that no client can exhaust the stack. */
const MAX_DEPTH = 30;

/** One line for each property, after its description, which is shown on the first level only. */
function propertyLines(schema: unknown, place: Place): readonly string[] {
  if (!isRecord(schema) || !isRecord(schema.properties)) return [];
  const required = new Set(Array.isArray(schema.required) ? schema.required : []);
  return Object.entries(schema.properties).flatMap(([name, property]) => {
    const description = place.objects === 0 && isRecord(property) ? commentLines(property.description) : [];
    const line = `${name}${required.has(name) ? '' : '?'}: ${typeText(property, place)},`;
    return [...description, line].map((text) => ' '.repeat(2 * place.objects) + text);
  });
}

function typeText(schema: unknown, { objects, depth }: Place): string {
  if (!isRecord(schema) || depth > MAX_DEPTH) return 'any';
  const place = { objects, depth: depth + 1 };
  if (Array.isArray(schema.enum)) return schema.enum.map(compactJson).join(' | ');
  if (Array.isArray(schema.anyOf)) return schema.anyOf.map((one) => typeText(one, place)).join(' | ');
  if (!Array.isArray(schema.type)) return namedType(schema.type, schema, place);
  // Each type once, so that the text is no longer than the schema.
  return [...new Set(schema.type)].map((type) => namedType(type, schema, place)).join(' | ');
}

function namedType(type: unknown, schema: Readonly<Record<string, unknown>>, place: Place): string {
  switch (type) {
    case 'integer':
      return 'number';
    case 'string':
    case 'number':
    case 'boolean':
    case 'null':
      return type;
    case 'array':
      return `${typeText(schema.items, place)}[]`;
    case 'object':
      return ['{', ...propertyLines(schema, { ...place, objects: place.objects + 1 }), '}'].join('\n');
    default:
      return 'any';
  }
}

/** Whether a function is of the kind that counts are documented for: flat, with texts, numbers, booleans and enums. */
function isPlainTool(tool: Readonly<Record<string, unknown>>): boolean {
  const { function: named, type, ...otherFields } = tool;
  if (!isRecord(named) || type !== 'function' || hasAny(otherFields)) return false;

  const { name: _isText, description, parameters, ...others } = named;
  if (!isOneLine(description) || !isRecord(parameters) || hasAny(others)) return false;

  const { type: _isObject, properties, required: _isNames, ...unknown } = parameters;
  return isRecord(properties) && !hasAny(unknown) && Object.values(properties).every(isPlainProperty);
}

const PLAIN_TYPES: readonly unknown[] = ['string', 'number', 'integer', 'boolean'];

function isPlainProperty(property: unknown): boolean {
  if (!isRecord(property)) return false;
  const { type, description, enum: choices, ...others } = property;
  if (!PLAIN_TYPES.includes(type) || !isOneLine(description) || hasAny(others)) return false;
  if (choices === undefined) return true;
  return type === 'string' && Array.isArray(choices) && choices.every((choice) => typeof choice === 'string');
}

function isOneLine(description: unknown): boolean {
  return description === undefined || (typeof description === 'string' && !description.includes('\n'));
}

function hasAny(fields: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(fields).length > 0;
}

/** Compact JSON without data of files, sounds and pictures, which are not counted as text. Nothing when nested too deep. */
function compactJson(value: unknown): string {
  try {
    return JSON.stringify(value, (key, item: unknown) => (isData(key, item) ? undefined : item)) ?? '';
  } catch {
    return '';
  }
}

function isData(key: string, value: unknown): boolean {
  return typeof value === 'string' && (key === 'data' || key === 'file_data' || value.startsWith('data:'));
}

function exactly(tokens: number): ChatCount {
  return { tokens, exact: true };
}

function estimate(tokens: number): ChatCount {
  return { tokens, exact: false };
}

function sumOf(counts: readonly ChatCount[]): ChatCount {
  return {
    tokens: counts.reduce((sum, { tokens }) => sum + tokens, 0),
    exact: counts.every(({ exact }) => exact),
  };
}
