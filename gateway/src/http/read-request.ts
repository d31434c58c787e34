import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../domain/gateway-error.ts';

/** Node keeps only so many headers and drops the rest silently, so one more than allowed is kept and refused. */
export const MAX_HEADERS = 100;

/** Headers of which a second one is an attack or a mistake, whatever the rules read. */
const SINGLE_HEADERS = new Set([
  'host',
  'authorization',
  'content-length',
  'content-type',
  'x-virtual-key',
  'x-api-key',
  'x-request-id',
]);

/** Time in which a JSON body must have arrived. */
const BODY_TIMEOUT_MS = 30_000;

/** The parts of the target. */
export interface Target {
  readonly path: string;
  readonly query: URLSearchParams;
}

const NO_QUERY = new URLSearchParams();

/**
 * Path and query of an origin-form target. There is one canonical form, and it is required: no authority, no empty or
 * dot segments, no encoded slash, backslash, dot or control character.
 * @throws GatewayError `invalid_request`
 */
export function targetOf(url: string): Target {
  const mark = url.indexOf('?');
  const path = mark === -1 ? url : url.slice(0, mark);
  const isCanonical = path.startsWith('/') && !/\/\/|\/\.{1,2}(\/|$)|%(2f|5c|2e|[01][0-9a-f]|7f)|[\\;#]/i.test(path);
  if (!isCanonical) throw new GatewayError('invalid_request', { message: 'The request target is not a plain path.' });
  return { path, query: mark === -1 ? NO_QUERY : new URLSearchParams(url.slice(mark + 1)) };
}

/**
 * Names of headers that were sent more than once.
 * @throws GatewayError `request_headers_too_large` beyond 100 headers, `invalid_request` for a repeated single header
 */
export function repeatedHeadersOf(rawHeaders: readonly string[]): ReadonlySet<string> {
  if (rawHeaders.length / 2 > MAX_HEADERS) {
    throw new GatewayError('request_headers_too_large', { message: `A request has at most ${MAX_HEADERS} headers.` });
  }
  const seen = new Set<string>();
  let repeated: Set<string> | undefined;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    if (seen.has(name)) {
      repeated ??= new Set();
      repeated.add(name);
    } else seen.add(name);
  }
  if (repeated === undefined) return NONE;
  for (const name of repeated) {
    if (SINGLE_HEADERS.has(name)) {
      throw new GatewayError('invalid_request', {
        message: `The header ${name} was sent more than once.`,
        param: name,
      });
    }
  }
  return repeated;
}

const NONE: ReadonlySet<string> = new Set();

/**
 * Reads a JSON body of at most `maxBytes`.
 * @throws GatewayError `unsupported_media_type`, `request_too_large`, `request_timeout`
 */
export async function readBody(message: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const {
    'content-type': type = 'application/json',
    'content-encoding': encoding,
    'content-length': length,
  } = message.headers;
  if (!/^application\/json\s*(;|$)/i.test(type) || (encoding !== undefined && encoding !== 'identity')) {
    throw new GatewayError('unsupported_media_type');
  }
  if (length !== undefined && Number(length) > maxBytes) throw tooLarge(maxBytes);
  return collect(message, maxBytes);
}

function collect(message: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const timer = setTimeout(() => fail(new GatewayError('request_timeout')), BODY_TIMEOUT_MS);

    function fail(error: Error): void {
      clearTimeout(timer);
      message.removeAllListeners('data');
      message.pause();
      reject(error);
    }
    message.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) fail(tooLarge(maxBytes));
      else chunks.push(chunk);
    });
    message.on('end', () => {
      clearTimeout(timer);
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks));
    });
    message.on('error', () => fail(new GatewayError('invalid_request', { message: 'The body broke off.' })));
    message.on('close', () => {
      if (!message.complete) fail(new GatewayError('invalid_request', { message: 'The body broke off.' }));
    });
  });
}

function tooLarge(maxBytes: number): GatewayError {
  return new GatewayError('request_too_large', { message: `The request body has at most ${maxBytes} bytes.` });
}
