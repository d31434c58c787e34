import type { ModelCapability } from '@ai-gateway/contracts';
import { isSet, type JsonObject, objectIn } from './json-fields.ts';
import { type Losses, newLosses } from './losses.ts';
import type { Chat } from './openai-chat.ts';

/** Something that a request may ask of a model beyond text. */
interface Need {
  readonly capability: ModelCapability;
  /** What of the request asks for it, as it is named to the client. */
  readonly field: string;
  readonly weight: keyof Losses;
  /** Does a body ask for it, in chat completions or in the client's own form? */
  readonly isIn: (body: JsonObject) => boolean;
  /** The body without, in either form. */
  readonly without: (body: JsonObject) => JsonObject;
}

const IMAGES = new Set(['image_url', 'image', 'input_image', 'video_url']);
const SOUNDS = new Set(['input_audio', 'audio_url']);
const TOOL_FIELDS = ['tools', 'tool_choice', 'parallel_tool_calls', 'functions', 'function_call'];
const REASONING_FIELDS = ['reasoning_effort', 'reasoning', 'thinking'];

const NEEDS: readonly Need[] = [
  {
    capability: 'vision',
    field: 'messages.content.image_url',
    weight: 'vital',
    isIn: (body) => hasPart(body, IMAGES),
    without: (body) => withoutParts(body, IMAGES),
  },
  {
    capability: 'audio',
    field: 'messages.content.input_audio',
    weight: 'vital',
    isIn: (body) => hasPart(body, SOUNDS) || (Array.isArray(body.modalities) && body.modalities.includes('audio')),
    without: (body) => withoutParts(withoutFields(body, ['modalities', 'audio']), SOUNDS),
  },
  {
    capability: 'tools',
    field: 'tools',
    weight: 'vital',
    isIn: ({ tools, functions }) => [tools, functions].some((list) => Array.isArray(list) && list.length > 0),
    without: (body) => withoutFields(body, TOOL_FIELDS),
  },
  {
    capability: 'json_schema',
    field: 'response_format.json_schema',
    weight: 'minor',
    isIn: (body) => schemaFields(body).some((format) => objectIn(format)?.type === 'json_schema'),
    without: withoutSchema,
  },
  {
    capability: 'reasoning',
    field: 'reasoning_effort',
    weight: 'minor',
    isIn: ({ reasoning_effort: effort }) => isSet(effort) && effort !== 'none',
    without: (body) => withoutFields(body, REASONING_FIELDS),
  },
];

/** What a request asks for that a model is known not to do; nothing where its capabilities are not known. */
export function beyondModel({ body, original }: Chat, capabilities: readonly ModelCapability[]): Losses {
  const losses = newLosses();
  for (const { field, weight } of needsBeyond({ body, original }, capabilities)) losses.note(field, weight);
  return losses;
}

/** The request without what `beyondModel` tells. */
export function withinModel(chat: Chat, capabilities: readonly ModelCapability[]): Chat {
  const without = (body: JsonObject) =>
    needsBeyond(chat, capabilities).reduce((rest, need) => need.without(rest), body);
  // What is left out of a valid body leaves it valid.
  return { ...chat, body: without(chat.body) as Chat['body'], original: without(chat.original) };
}

function needsBeyond({ body, original }: Pick<Chat, 'body' | 'original'>, capabilities: readonly ModelCapability[]) {
  if (capabilities.length === 0) return [];
  return NEEDS.filter(({ capability, isIn }) => !capabilities.includes(capability) && (isIn(body) || isIn(original)));
}

/** Lists that hold parts: conversations, the content of their messages, and results of tools within. */
const PART_LISTS = ['messages', 'input', 'content', 'output'];

function hasPart(item: JsonObject, types: ReadonlySet<string>): boolean {
  return PART_LISTS.some((name) => {
    const list = item[name];
    return Array.isArray(list) && list.some((part) => isPart(part, types) || hasPart(objectIn(part) ?? {}, types));
  });
}

function withoutParts(item: JsonObject, types: ReadonlySet<string>): JsonObject {
  const changed: Record<string, unknown> = { ...item };
  for (const name of PART_LISTS) {
    const list = item[name];
    if (!Array.isArray(list)) continue;
    const left = list.filter((part) => !isPart(part, types));
    const rest = left.map((part) => (objectIn(part) === undefined ? part : withoutParts(part, types)));
    // No protocol takes an empty list of parts.
    changed[name] = list.length > 0 && rest.length === 0 ? '' : rest;
  }
  return changed;
}

function isPart(part: unknown, types: ReadonlySet<string>): boolean {
  const type = objectIn(part)?.type;
  return typeof type === 'string' && types.has(type);
}

function withoutFields(body: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([name]) => !names.includes(name)));
}

/** Where chat completions, responses and messages keep the schema of an answer. */
function schemaFields({ response_format, text, output_config }: JsonObject): readonly unknown[] {
  return [response_format, objectIn(text)?.format, objectIn(output_config)?.format];
}

/** Without a schema there is still JSON mode, save in messages. */
function withoutSchema(body: JsonObject): JsonObject {
  const { output_config, ...rest } = body;
  const [chat, responses, messages] = schemaFields(body).map((format) => objectIn(format)?.type === 'json_schema');
  const json = { type: 'json_object' };
  const { format: _, ...config } = objectIn(output_config) ?? {};
  return {
    ...rest,
    ...(chat === true && { response_format: json }),
    ...(responses === true && { text: { ...objectIn(body.text), format: json } }),
    ...(output_config !== undefined && { output_config: messages === true ? config : output_config }),
  };
}
