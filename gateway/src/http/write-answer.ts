import type { ServerResponse } from 'node:http';
import type { GatewayError } from '../domain/gateway-error.ts';

/** A client that reads nothing for so long is given up. */
const CLIENT_STALL_MS = 60_000;

/** A comment of an event stream, which every client passes over. */
const PING = ': ping\n\n';

/** What happens while a stream is written. */
export interface Writing {
  readonly onFirstByte: () => void;
  /** Silence after which a comment is sent, ms; 0 = never. */
  readonly heartbeatMs: number;
}

/**
 * Writes an event stream in chunks of whole events, with back-pressure and a heartbeat. Returns false when the client
 * left before the end; never throws for that.
 */
export async function writeStream(
  response: ServerResponse,
  body: AsyncIterable<Buffer>,
  { onFirstByte, heartbeatMs }: Writing,
): Promise<boolean> {
  const heart = heartbeatMs > 0 ? setInterval(() => beat(response), heartbeatMs) : undefined;
  let isFirst = true;
  try {
    for await (const chunk of body) {
      if (response.destroyed) return false;
      if (isFirst) onFirstByte();
      isFirst = false;
      heart?.refresh();
      if (chunk.length === 0 || response.write(chunk)) continue;
      if (!(await drained(response))) return false;
    }
    return !response.destroyed;
  } finally {
    clearInterval(heart);
  }
}

/** A client that does not even read what is there needs no sign of life. */
function beat(response: ServerResponse): void {
  if (!response.destroyed && !response.writableNeedDrain) response.write(PING);
}

/** Waits until the client has read; false when it left or stalled. */
function drained(response: ServerResponse): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      response.destroy();
      done(false);
    }, CLIENT_STALL_MS);
    const onDrain = () => done(true);
    const onClose = () => done(false);
    function done(isDrained: boolean): void {
      clearTimeout(timer);
      response.off('drain', onDrain).off('close', onClose);
      resolve(isDrained);
    }
    response.on('drain', onDrain).on('close', onClose);
    if (response.destroyed) done(false);
  });
}

/** The request's id under the names by which OpenAI's and Anthropic's clients look for it. */
export function requestIdHeaders(requestId: string): Record<string, string> {
  return { 'x-request-id': requestId, 'request-id': requestId };
}

/** Answers an error, unless an answer has begun. `shape` is its body, by default OpenAI's. */
export function writeError(
  response: ServerResponse,
  error: GatewayError,
  requestId: string,
  shape: object = error.body(requestId),
): void {
  if (response.headersSent || response.destroyed) return;
  const body = JSON.stringify(shape);
  const isBodyUnread = error.code === 'request_too_large' || error.code === 'request_timeout';
  response.writeHead(error.status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...requestIdHeaders(requestId),
    // What is left of the body is not read, so the connection cannot be used again.
    ...(isBodyUnread && { connection: 'close' }),
    ...error.headers(),
  });
  response.end(body);
}
