import type { TextPiece } from '../protocols/wire-format.ts';

/** What the gateway needs of one event of a chat completion stream. */
export interface ChunkFacts {
  readonly pieces: readonly TextPiece[];
  readonly usage: unknown;
  /** The event carries usage and no choice: it exists only because usage was asked for. */
  readonly isUsageOnly: boolean;
  /** Choices that this event ends. */
  readonly finished: readonly number[];
  /** Message of an error event sent by the provider. */
  readonly error: string | undefined;
  /** The parsed chunk; undefined when the fast path sufficed. */
  readonly chunk: StreamChunk | undefined;
}

/** A chunk as far as it is rewritten; everything else is kept as it came. */
export interface StreamChunk {
  readonly choices?: readonly StreamChoice[];
  readonly usage?: unknown;
  readonly error?: unknown;
  readonly [key: string]: unknown;
}

export interface StreamChoice {
  readonly index?: number;
  readonly delta?: Readonly<Record<string, unknown>>;
  readonly finish_reason?: string | null;
  readonly [key: string]: unknown;
}

/** String fields of a delta (and of a message) that hold generated text. */
export const TEXT_FIELDS = ['content', 'reasoning_content', 'reasoning', 'refusal'] as const;

const NOTHING: ChunkFacts = {
  pieces: [],
  usage: undefined,
  isUsageOnly: false,
  finished: [],
  error: undefined,
  chunk: undefined,
};

const DELTA = '"delta":{"content":"';

/**
 * Reads one event's data. Most events hold nothing but a piece of content for choice 0; those are recognised by their
 * shape without parsing (a seventh of the cost); all others are parsed. Returns undefined when it is not JSON.
 */
export function readChunk(data: string): ChunkFacts | undefined {
  const fast = plainContent(data);
  if (fast !== undefined) return { ...NOTHING, pieces: [{ lane: '0:content', text: fast }] };
  return readParsed(data);
}

function isChoice(choice: unknown): choice is StreamChoice {
  return typeof choice === 'object' && choice !== null;
}

function readParsed(data: string): ChunkFacts | undefined {
  const chunk = parseChunk(data);
  if (chunk === undefined) return undefined;
  const choices = (Array.isArray(chunk.choices) ? chunk.choices : []).filter(isChoice);
  return {
    pieces: choices.flatMap((choice) => textPieces(choice, choice?.delta)),
    // Moonshot also reports usage inside the choice that ends.
    usage: chunk.usage ?? choices.find((choice) => choice?.usage)?.usage ?? undefined,
    isUsageOnly: choices.length === 0 && chunk.usage !== undefined && chunk.usage !== null,
    finished: choices.filter((choice) => typeof choice?.finish_reason === 'string').map(({ index }) => index ?? 0),
    error: errorIn(chunk.error),
    chunk,
  };
}

/** The chunk in an event's data, parsed; undefined when it is not a JSON object. */
export function parseChunk(data: string): StreamChunk | undefined {
  try {
    const parsed: unknown = JSON.parse(data);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? (parsed as StreamChunk)
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The content of `…"delta":{"content":"X"}…` when the event holds nothing else that counts. An unescaped quote cannot
 * occur inside a JSON string, so these marks are real keys; one delta, no finish, no usage, no second choice.
 */
function plainContent(data: string): string | undefined {
  const start = data.indexOf(DELTA);
  if (start === -1 || !data.includes('"index":0,')) return undefined;
  const textStart = start + DELTA.length;
  const textEnd = data.indexOf('"', textStart);
  if (textEnd === -1 || data.charCodeAt(textEnd + 1) !== 0x7d) return undefined;
  const text = data.slice(textStart, textEnd);
  if (text.includes('\\')) return undefined;

  const after = data.slice(textEnd);
  const isPlain = after.includes('"finish_reason":null') && !after.includes('"delta"') && !hasUsage(data);
  return isPlain && !data.includes('"error"') ? text : undefined;
}

function hasUsage(data: string): boolean {
  const at = data.lastIndexOf('"usage":');
  return at !== -1 && !data.startsWith('null', at + 8);
}

/** The generated texts of a choice, in `delta` (stream) or `message` (plain answer). */
export function textPieces(choice: StreamChoice, holder: unknown): TextPiece[] {
  const index = choice.index ?? 0;
  // Completions of a text have it in the choice itself.
  if (typeof choice.text === 'string' && choice.text !== '') return [{ lane: `${index}:content`, text: choice.text }];
  if (typeof holder !== 'object' || holder === null) return [];
  const fields = holder as Record<string, unknown>;
  const pieces: TextPiece[] = [];
  for (const field of TEXT_FIELDS) {
    const text = fields[field];
    if (typeof text === 'string' && text !== '') pieces.push({ lane: `${index}:${field}`, text });
  }
  const calls = fields.tool_calls;
  if (Array.isArray(calls)) pieces.push(...calls.flatMap((call, place) => toolPieces(index, call, place)));
  return pieces;
}

/** The same delta or message with each text replaced by what is allowed of it (nothing, when its lane is not named). */
export function withTexts(
  choice: StreamChoice,
  holder: Readonly<Record<string, unknown>>,
  allowed: ReadonlyMap<string, string>,
) {
  const index = choice.index ?? 0;
  const changed: Record<string, unknown> = { ...holder };
  for (const field of TEXT_FIELDS) {
    if (typeof holder[field] === 'string') changed[field] = allowed.get(`${index}:${field}`) ?? '';
  }
  const calls = holder.tool_calls;
  if (Array.isArray(calls))
    changed.tool_calls = calls.map((call, place) => cutCall(call, laneOfCall(index, call, place), allowed));
  // Signed blocks repeat the reasoning, and a signature holds for the whole of it alone.
  if (changed.reasoning_content !== holder.reasoning_content) delete changed.thinking_blocks;
  return changed;
}

function cutCall(call: unknown, lane: string, allowed: ReadonlyMap<string, string>): unknown {
  if (typeof call !== 'object' || call === null) return call;
  const named = (call as { function?: unknown }).function;
  if (typeof named !== 'object' || named === null) return call;
  const texts: Record<string, unknown> = { ...named };
  if (typeof texts.name === 'string') texts.name = allowed.get(`${lane}.name`) ?? '';
  if (typeof texts.arguments === 'string') texts.arguments = allowed.get(lane) ?? '';
  return { ...call, function: texts };
}

function laneOfCall(choice: number, call: unknown, place: number): string {
  const index = (call as { index?: unknown } | null)?.index;
  return `${choice}:tool${typeof index === 'number' ? index : place}`;
}

/** Is it a lane of answers' content, not of reasoning, refusals or tool calls? */
export function isContentLane(lane: string): boolean {
  return lane.endsWith(':content');
}

function toolPieces(choice: number, call: unknown, place: number): TextPiece[] {
  if (typeof call !== 'object' || call === null) return [];
  const named = (call as { function?: unknown }).function;
  if (typeof named !== 'object' || named === null) return [];
  const lane = laneOfCall(choice, call, place);
  const { name, arguments: text } = named as { name?: unknown; arguments?: unknown };
  const pieces: TextPiece[] = [];
  if (typeof name === 'string' && name !== '') pieces.push({ lane: `${lane}.name`, text: name });
  if (typeof text === 'string' && text !== '') pieces.push({ lane, text });
  return pieces;
}

function errorIn(error: unknown): string | undefined {
  if (error === undefined || error === null) return undefined;
  if (typeof error === 'string') return error;
  const message = (error as { message?: unknown }).message;
  return typeof message === 'string' ? message : 'The provider reported an error.';
}
