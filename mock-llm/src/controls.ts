import { z } from 'zod';
import { STYLES } from './vocabulary.ts';

const MAX_DELAY_MS = 600_000;
const FOREVER = 1_000_000_000;

const flag = z.enum(['true', 'false'], 'no value, true or false').transform((value) => value === 'true');

/**
 * Every control, by its name in code; on the wire `firstDelayMs` is written `first-delay-ms`.
 * README.md explains each in one table, and a test compares the two.
 */
export const controlsShape = z
  .object({
    style: z.enum(STYLES),
    words: whole(0, 1_000_000),
    text: z.string(),
    seed: whole(-FOREVER, FOREVER),
    echo: flag,
    echoRequest: flag,
    ignoreMaxTokens: flag,
    finish: z.string().min(1),
    reasoning: whole(0, 100_000, '20'),
    toolCall: whole(0, 128, '1'),

    firstDelayMs: whole(0, MAX_DELAY_MS),
    bodyDelayMs: whole(0, MAX_DELAY_MS),
    delayMs: whole(0, MAX_DELAY_MS),
    chunk: whole(0, FOREVER),
    utf16: flag,
    eventsPerWrite: whole(0, FOREVER),
    slowBytes: whole(1, FOREVER, '1'),
    utf8Split: flag,
    bytes: whole(0, 1_000_000_000),

    status: whole(200, 599),
    retryAfter: z.string().min(1),
    retryAfterMs: whole(0, FOREVER),
    errorCode: z.string(),
    errorMessage: z.string(),
    html: flag,
    times: whole(1, FOREVER),
    reset: flag,
    hang: flag,
    dieAfter: whole(0, FOREVER),
    hangAfter: whole(0, FOREVER),
    endAfter: whole(0, FOREVER),
    rst: flag,

    noDone: flag,
    noFinish: flag,
    noFinalBlank: flag,
    noUsage: flag,
    usage: z.union([
      z.enum(['bogus', 'malformed', 'always', 'inline', 'cumulative']),
      z.string().regex(/^\d{1,12}\/\d{1,12}$/, 'bogus, malformed, always, inline, cumulative or PROMPT/COMPLETION'),
    ]),
    badJsonAt: whole(0, FOREVER),
    errorAt: whole(0, FOREVER),
    giantEvent: whole(1, 100_000_000, '1048576'),
    as: z.enum(['sse', 'json']),
    gzip: flag,
    lineEnd: z.enum(['lf', 'crlf', 'cr']),
    comments: flag,
    multiLine: flag,
    noSpace: flag,
    bom: flag,
    namedEvents: flag,
    header: z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*$/, 'NAME: VALUE'),
  })
  .partial()
  .strict();

export type Controls = z.infer<typeof controlsShape>;

/** A control that cannot be read; the mock answers 400 with this message. */
export class ControlError extends Error {}

const HEADER_PREFIX = 'x-mock-';

/** Where controls may stand, weakest first. */
export interface ControlSources {
  /** Request headers, lower-case names. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Value of the query parameter `mock`: the inside of a directive. */
  readonly query?: string | undefined;
  /** Model name, with an optional suffix `@words:20@no-usage`. */
  readonly model?: string | undefined;
  /** Text that may hold `[mock …]` directives. */
  readonly text?: string | undefined;
}

/**
 * Collects the controls of a request. A later source wins: headers, query, model suffix, text.
 * Throws `ControlError` for an unknown name or a value out of range, so that a misspelt test fails loudly.
 */
export function readControls({ headers, query, model, text }: ControlSources): Controls {
  const entries: [string, string][] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(HEADER_PREFIX)) entries.push([name.slice(HEADER_PREFIX.length), String(value)]);
  }
  if (query !== undefined) entries.push(...readDirective(query));
  if (model !== undefined) entries.push(...readModelSuffix(model));
  for (const directive of directivesIn(text ?? '')) entries.push(...readDirective(directive));
  if (entries.length === 0) return {};

  const named = Object.fromEntries(entries.map(([name, value]) => [camelCase(name), value]));
  const parsed = controlsShape.safeParse(named);
  if (parsed.success) return parsed.data;
  throw new ControlError(parsed.error.issues.map(describeIssue).join('; '));
}

/** A model name without its control suffix. */
export function plainModel(model: string): string {
  const at = model.indexOf('@');
  return at < 0 ? model : model.slice(0, at);
}

/** A text without its directives, so that a control for delivery does not change the words of the answer. */
export function withoutDirectives(text: string): string {
  return text.includes('[mock') ? text.replace(DIRECTIVE, '').trim() : text;
}

/** Wire name of a control: `firstDelayMs` is `first-delay-ms`. */
export function wireName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

// A directive ends at the first `]` outside a quoted value.
const DIRECTIVE = /\[mock(?=[\s\]])((?:"(?:[^"\\]|\\.)*"|[^"\]])*)\]/gu;
const ENTRY = /([a-z][a-z0-9-]*)(?:=("(?:[^"\\]|\\.)*"|[^\s"]*))?/y;

function directivesIn(text: string): string[] {
  if (!text.includes('[mock')) return [];
  return [...text.matchAll(DIRECTIVE)].map((match) => match[1] ?? '');
}

function readDirective(source: string): [string, string][] {
  const entries: [string, string][] = [];
  let position = skipSpaces(source, 0);
  while (position < source.length) {
    ENTRY.lastIndex = position;
    const match = ENTRY.exec(source);
    if (match === null) throw new ControlError(`cannot read a control at "${source.slice(position, position + 40)}"`);
    entries.push([match[1] ?? '', unquoted(match[2] ?? 'true')]);
    position = skipSpaces(source, ENTRY.lastIndex);
  }
  return entries;
}

function readModelSuffix(model: string): [string, string][] {
  return model
    .split('@')
    .slice(1)
    .map((part) => {
      const colon = part.indexOf(':');
      return colon < 0 ? [part, 'true'] : [part.slice(0, colon), part.slice(colon + 1)];
    });
}

function unquoted(value: string): string {
  if (!value.startsWith('"')) return value;
  try {
    return JSON.parse(value.replaceAll('\n', '\\n')) as string;
  } catch {
    throw new ControlError(`${value.slice(0, 40)} is not a JSON string`);
  }
}

function skipSpaces(source: string, from: number): number {
  let position = from;
  while (position < source.length && /\s/u.test(source.charAt(position))) position += 1;
  return position;
}

function camelCase(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function describeIssue(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return `there is no control ${issue.keys.map(wireName).join(', ')}`;
  return `control ${wireName(issue.path.join('.'))}: expected ${issue.message}`;
}

/** A whole number; the bare name of the control means `bare` where that is given. */
function whole(min: number, max: number, bare?: string) {
  const message = `a whole number from ${min} to ${max}`;
  return z
    .string()
    .transform((value) => (value === 'true' && bare !== undefined ? bare : value))
    .pipe(z.string().regex(/^-?\d{1,10}$/, message))
    .transform(Number)
    .pipe(z.number().min(min, message).max(max, message));
}
