import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Asked, complete } from './complete.ts';
import type { Delivery } from './delivery.ts';
import { collectBody, queryControls } from './request-parts.ts';
import { send } from './send.ts';
import { headersFrom, type Traffic } from './traffic.ts';

const MAX_CACHED = 256;
const MAX_CACHED_BYTES = 256 * 1024;

/** What the endpoints of one running mock share. */
export interface MockState {
  readonly extraModels: readonly string[];
  readonly traffic: Traffic;
  /** Deliveries by URL and body, for requests that no header or counter can change. Bounded. */
  readonly cache: Map<string, Delivery>;
  /** How often each body that carries `times` came. Bounded. */
  readonly attempts: Map<string, number>;
}

/**
 * Answers a chat or text completion. Benchmarks call it with one body over and over, so a known body is answered from
 * the cache, without parsing it.
 */
export function answerCompletion(mock: MockState, request: IncomingMessage, response: ServerResponse): void {
  const counted = mock.traffic.open(request, response);
  collectBody(request, response, (body) => {
    counted.keepBody(body);
    const isCacheable = body.length <= MAX_CACHED_BYTES && !hasControls(request);
    const key = isCacheable ? request.url + body.toString('latin1') : undefined;
    const known = key === undefined ? undefined : mock.cache.get(key);
    send(response, known ?? freshDelivery(mock, request, { body, key }), counted.closedByMock);
  });
}

function freshDelivery(
  mock: MockState,
  request: IncomingMessage,
  { body, key }: { readonly body: Buffer; readonly key: string | undefined },
): Delivery {
  const text = body.toString('utf8');
  // An echo holds the request's headers, and these are not part of the key.
  let isRepeatable = !text.includes('echo-request');
  const attempt = () => {
    isRepeatable = false;
    const attempts = (mock.attempts.get(text) ?? 0) + 1;
    bounded(mock.attempts).set(text, attempts);
    return attempts;
  };
  const delivery = complete(askedOf(request, text), { extraModels: mock.extraModels, attempt });
  const size = delivery.writes?.reduce((total, bytes) => total + bytes.length, body.length) ?? 0;
  if (key !== undefined && isRepeatable && size <= MAX_CACHED_BYTES) bounded(mock.cache).set(key, delivery);
  return delivery;
}

function askedOf(request: IncomingMessage, body: string): Asked {
  const url = request.url ?? '';
  const kind = url.startsWith('/v1/chat/') ? 'chat' : 'completion';
  return { kind, headers: headersFrom(request.rawHeaders), query: queryControls(url), body };
}

function hasControls(request: IncomingMessage): boolean {
  const { rawHeaders } = request;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (name.length > 7 && name.slice(0, 7).toLowerCase() === 'x-mock-') return true;
  }
  return false;
}

/** Empties a full map, so that what clients send cannot fill the memory. */
function bounded<V>(map: Map<string, V>): Map<string, V> {
  if (map.size >= MAX_CACHED) map.clear();
  return map;
}
