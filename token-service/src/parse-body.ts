import type { z } from 'zod';

/** A question that is refused; the message says what is wrong with which field. */
export class RequestError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Reads a JSON body in the given shape, or throws RequestError 400. */
export function parseBody<T extends z.ZodType>(body: Buffer, shape: T): z.infer<T> {
  let json: unknown;
  try {
    json = JSON.parse(body.toString());
  } catch {
    throw new RequestError(400, 'The body is not valid JSON.');
  }
  const checked = shape.safeParse(json);
  if (checked.success) return checked.data;
  throw new RequestError(400, sentenceOf(checked.error, json));
}

/** The first fault, with the field it is in. Of the two forms (messages, text) the one that the request looks like is judged. */
export function sentenceOf({ issues: [issue] }: z.ZodError, request: unknown): string {
  if (issue?.code !== 'invalid_union') return `${issue?.path.join('.')}: ${issue?.message}`;
  const isTextForm = typeof request === 'object' && request !== null && ('text' in request || 'model_name' in request);
  const inner = issue.errors[isTextForm ? 1 : 0]?.[0];
  return `${inner?.path.join('.')}: ${inner?.message} (${isTextForm ? 'form with a text' : 'form with messages'})`;
}
