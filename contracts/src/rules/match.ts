import { RE2JS } from 're2js';
import { type Condition, MAX_REGEX_LENGTH } from '../condition.ts';

/** What a condition may look at. Header names are lower-case; `body` is the parsed JSON, or undefined. */
export interface RequestView {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly query: URLSearchParams;
  /** Canonical path, without the query. */
  readonly path: string;
  readonly body: unknown;
}

/** A condition made ready to run. */
export type CompiledCondition = (request: RequestView) => boolean;

type Test = (actual: string) => boolean;

/**
 * Makes a condition ready to run. A field that is missing never matches, also not with a negated operator.
 * Regular expressions run on RE2 semantics: linear time, no look-around, unanchored unless the pattern says so.
 * @throws Error when the pattern does not compile or an ordering operator's value is not a number.
 */
export function compileCondition(condition: Condition): CompiledCondition {
  const test = testOf(condition);
  const read = readerOf(condition);
  return (request) => {
    const actual = read(request);
    return actual !== undefined && test(actual);
  };
}

/** Why a condition cannot be saved, or undefined when it is sound. */
export function conditionFault(condition: Condition): { field: 'field' | 'value'; message: string } | undefined {
  if (condition.source !== 'path' && condition.field === '') {
    return { field: 'field', message: `A condition on the ${condition.source} needs the name of a field.` };
  }
  if (condition.operator === 'regex' && condition.value.length > MAX_REGEX_LENGTH) {
    return { field: 'value', message: `A regular expression has at most ${MAX_REGEX_LENGTH} characters.` };
  }
  try {
    compileCondition(condition);
    return undefined;
  } catch (error) {
    return { field: 'value', message: error instanceof Error ? error.message : String(error) };
  }
}

/** Text of a field of the request; `field` of a header is in lower case. Objects, arrays and null have no text. */
export function readField(
  { source, field }: Pick<Condition, 'source' | 'field'>,
  request: RequestView,
): string | undefined {
  switch (source) {
    case 'path':
      return request.path;
    case 'query':
      return request.query.get(field) ?? undefined;
    case 'header': {
      const header = request.headers[field];
      return typeof header === 'object' ? header[0] : header;
    }
    case 'body':
      return textOf(
        field.includes('.') ? field.split('.').reduce(stepInto, request.body) : stepInto(request.body, field),
      );
    default:
      return source satisfies never;
  }
}

function testOf({ operator, value }: Condition): Test {
  switch (operator) {
    case 'equals':
      return (actual) => actual === value;
    case 'not_equals':
      return (actual) => actual !== value;
    case 'contains':
      return (actual) => actual.includes(value);
    case 'not_contains':
      return (actual) => !actual.includes(value);
    case 'starts_with':
      return (actual) => actual.startsWith(value);
    case 'ends_with':
      return (actual) => actual.endsWith(value);
    case 'in': {
      const values = new Set(value.split(',').map((item) => item.trim()));
      return (actual) => values.has(actual);
    }
    case 'regex': {
      const pattern = RE2JS.compile(value);
      return (actual) => pattern.matcher(actual).find();
    }
    case 'greater_than':
      return ordering(value, (actual, bound) => actual > bound);
    case 'greater_than_or_equal':
      return ordering(value, (actual, bound) => actual >= bound);
    case 'less_than':
      return ordering(value, (actual, bound) => actual < bound);
    case 'less_than_or_equal':
      return ordering(value, (actual, bound) => actual <= bound);
    default:
      return operator satisfies never;
  }
}

function ordering(value: string, holds: (actual: number, bound: number) => boolean): Test {
  const bound = numberOf(value);
  if (bound === undefined) throw new Error(`"${value}" is not a number.`);
  return (text) => {
    const actual = numberOf(text);
    return actual !== undefined && holds(actual, bound);
  };
}

function numberOf(text: string): number | undefined {
  if (text.trim() === '') return undefined;
  const number = Number(text);
  return Number.isFinite(number) ? number : undefined;
}

function readerOf({ source, field }: Condition): (request: RequestView) => string | undefined {
  const prepared = { source, field: source === 'header' ? field.toLowerCase() : field };
  return (request) => readField(prepared, request);
}

function stepInto(value: unknown, step: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
  return (value as Record<string, unknown>)[step];
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}
