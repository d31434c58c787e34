import type { z } from 'zod';

/** A question that is refused; the message says what is wrong with which field. */
export class RequestError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Templates indent what they write by its depth, so that deep values grow with the square of it. */
const MAX_DEPTH = 64;

/** Reads JSON of a bounded depth, or throws RequestError 400. */
export function jsonIn(body: Buffer): unknown {
  const text = body.toString();
  if (depthOf(text) > MAX_DEPTH) throw new RequestError(400, `The body is nested deeper than ${MAX_DEPTH} levels.`);
  try {
    return JSON.parse(text);
  } catch {
    throw new RequestError(400, 'The body is not valid JSON.');
  }
}

/** Levels of brackets outside of strings. */
function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < json.length; at++) {
    const sign = json.charAt(at);
    if (sign === '"') at = stringEnd(json, at);
    else if (sign === '[' || sign === '{') deepest = Math.max(deepest, ++depth);
    else if (sign === ']' || sign === '}') depth--;
  }
  return deepest;
}

/** Where a string that begins at `start` has its closing quote; the end of the text when it has none. */
function stringEnd(json: string, start: number): number {
  for (let quote = json.indexOf('"', start + 1); quote !== -1; quote = json.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (json.charAt(quote - 1 - backslashes) === '\\') backslashes++;
    if (backslashes % 2 === 0) return quote;
  }
  return json.length;
}

/** Checks the shape of a parsed body, or throws RequestError 400. */
export function checked<T extends z.ZodType>(json: unknown, shape: T): z.infer<T> {
  const found = shape.safeParse(json);
  if (found.success) return found.data;
  throw new RequestError(400, sentenceOf(found.error, json));
}

/** The first fault, with the field it is in. Of the two forms (messages, text) the one that the request looks like is judged. */
function sentenceOf({ issues: [issue] }: z.ZodError, request: unknown): string {
  if (issue?.code !== 'invalid_union') return `${issue?.path.join('.')}: ${issue?.message}`;
  const isTextForm = typeof request === 'object' && request !== null && ('text' in request || 'model_name' in request);
  const inner = issue.errors[isTextForm ? 1 : 0]?.[0];
  return `${inner?.path.join('.')}: ${inner?.message} (${isTextForm ? 'form with a text' : 'form with messages'})`;
}
