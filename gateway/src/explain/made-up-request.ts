import { randomUUID } from 'node:crypto';
import { type ExplainedRequest, locate } from '@ai-gateway/contracts';
import type { CompiledConfig } from '../domain/compile-snapshot.ts';
import { COUNT_PATH, ENDPOINTS, messagesCount } from '../endpoints.ts';
import type { Received } from '../exchange.ts';
import { emptyNotes } from '../http/life.ts';
import { targetOf } from '../http/read-request.ts';
import { isMetered, MODEL_ROUTES, PASSTHROUGH_ROUTES, REALTIME_PATH } from '../http/routes.ts';
import type { MadeUpRoute } from './attempt-route.ts';

/** Stands for the secret of a key that is named by its id. */
const NAMED_KEY = 'Bearer named-by-its-id';

/**
 * A request as it would have been read. Nobody waits for it.
 * @throws GatewayError `invalid_request` for a path that no client could send
 */
export function madeUpRequest(
  request: ExplainedRequest,
  { arrivedAtMs, defer, locations }: Pick<Received, 'arrivedAtMs' | 'defer'> & Pick<CompiledConfig, 'locations'>,
): Received {
  const { path, query } = targetOf(request.path);
  return {
    requestId: 'made-up',
    reservationId: randomUUID(),
    method: request.method,
    path,
    located: locate(locations, path),
    query: new URLSearchParams([...query, ...Object.entries(request.query)]),
    headers: headersOf(request),
    repeatedHeaders: new Set(),
    body: Buffer.from(request.body === undefined ? '' : JSON.stringify(request.body)),
    arrivedAtMs,
    signal: new AbortController().signal,
    defer,
    notes: emptyNotes(),
  };
}

function headersOf({ headers, virtualKeyId }: ExplainedRequest): Record<string, string> {
  const lowered = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return virtualKeyId === undefined ? lowered : { ...lowered, authorization: NAMED_KEY };
}

/** Where the server would lead a request: where its location leads, else its own path. */
export function routeOf({
  method: given,
  path: own,
  located,
}: Pick<Received, 'method' | 'path' | 'located'>): MadeUpRoute {
  const path = located?.path ?? own;
  const method = given.toUpperCase();
  const protocol = path === COUNT_PATH ? messagesCount : ENDPOINTS.get(path);
  if (protocol !== undefined) {
    if (method !== 'POST') return { kind: 'method' };
    return { kind: path === COUNT_PATH ? 'count' : 'chat', protocol };
  }
  if (located !== undefined && !isMetered(path)) return { kind: 'passthrough' };
  if (PASSTHROUGH_ROUTES.test(path) || path === REALTIME_PATH) return { kind: 'passthrough' };
  if (MODEL_ROUTES.test(path)) return { kind: method === 'GET' ? 'models' : 'method' };
  return { kind: 'unknown' };
}
