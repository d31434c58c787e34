import { randomUUID } from 'node:crypto';
import { type ExplainedRequest, type ExplainQuestion, explainQuestion } from '@ai-gateway/contracts';
import type { Request, Response } from 'express';
import { asGatewayError, GatewayError } from '../domain/gateway-error.ts';
import { COUNT_PATH, ENDPOINTS, messagesCount } from '../endpoints.ts';
import type { Received } from '../exchange.ts';
import { type ExplainedRoute, explain } from '../explain/explain.ts';
import type { Services } from '../services.ts';
import { emptyNotes } from './life.ts';
import { targetOf } from './read-request.ts';
import { MODEL_ROUTES, PASSTHROUGH_ROUTES, REALTIME_PATH } from './routes.ts';
import { writeError } from './write-answer.ts';

/** Stands for the secret of a key that is named by its id. */
const NAMED_KEY = 'Bearer named-by-its-id';

/** Answers the config center's question of how a request would be decided. */
export async function serveExplain(request: Request, response: Response, services: Services): Promise<void> {
  try {
    const question = explainQuestion.safeParse(request.body);
    if (!question.success) {
      const [issue] = question.error.issues;
      const param = issue?.path.join('.') ?? '';
      throw new GatewayError('invalid_request', { message: `${param}: ${issue?.message}`, param });
    }
    response.json(await explain(question.data, receivedOf(question.data, services), routeOf(question.data), services));
  } catch (thrown) {
    writeError(response, asGatewayError(thrown), '');
  }
}

/** The request as it would have been read. Nobody waits for it and nothing is done at its end. */
function receivedOf({ request }: ExplainQuestion, services: Services): Received {
  const { path, query } = targetOf(request.path);
  return {
    requestId: 'explained',
    reservationId: randomUUID(),
    method: request.method,
    path,
    query: new URLSearchParams([...query, ...Object.entries(request.query)]),
    headers: headersOf(request),
    repeatedHeaders: new Set(),
    body: Buffer.from(request.body === undefined ? '' : JSON.stringify(request.body)),
    arrivedAtMs: services.nowMs(),
    signal: new AbortController().signal,
    defer: () => {},
    notes: emptyNotes(),
  };
}

function headersOf({ headers, virtualKeyId }: ExplainedRequest): Record<string, string> {
  const lowered = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return virtualKeyId === undefined ? lowered : { ...lowered, authorization: NAMED_KEY };
}

function routeOf({ request }: ExplainQuestion): ExplainedRoute {
  const { path } = targetOf(request.path);
  const method = request.method.toUpperCase();
  if (PASSTHROUGH_ROUTES.test(path) || path === REALTIME_PATH) return { kind: 'passthrough' };
  if (MODEL_ROUTES.test(path)) return { kind: method === 'GET' ? 'models' : 'method' };
  const protocol = path === COUNT_PATH ? messagesCount : ENDPOINTS.get(path);
  if (protocol === undefined) return { kind: 'unknown' };
  if (method !== 'POST') return { kind: 'method' };
  return { kind: path === COUNT_PATH ? 'count' : 'chat', protocol };
}
