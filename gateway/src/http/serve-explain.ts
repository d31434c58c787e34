import { randomUUID } from 'node:crypto';
import {
  type ExplainedRequest,
  type ExplainQuestion,
  explainQuestion,
  type Located,
  locate,
} from '@ai-gateway/contracts';
import type { Request, Response } from 'express';
import { asGatewayError, GatewayError } from '../domain/gateway-error.ts';
import type { Received } from '../exchange.ts';
import { type ExplainedRoute, explain } from '../explain/explain.ts';
import type { Services } from '../services.ts';
import { emptyNotes } from './life.ts';
import { targetOf } from './read-request.ts';
import { CHAT_ROUTES, isMetered, MODEL_ROUTES, PASSTHROUGH_ROUTES } from './routes.ts';
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
    response.json(
      await explain(question.data, receivedOf(question.data, services), routeOf(question.data, services), services),
    );
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
    located: locatedIn(path, services),
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

function locatedIn(path: string, { config }: Services): Located | undefined {
  return locate(config.current()?.locations ?? [], path);
}

/** Where the path leads: its location decides, as it does for a request. */
function routeOf({ request }: ExplainQuestion, services: Services): ExplainedRoute {
  const { path: own } = targetOf(request.path);
  const located = locatedIn(own, services);
  const path = located?.path ?? own;
  if (located !== undefined && !CHAT_ROUTES.has(path) && !isMetered(path)) return 'passthrough';
  if (PASSTHROUGH_ROUTES.test(path)) return 'passthrough';
  const [route, method] = MODEL_ROUTES.test(path) ? (['models', 'GET'] as const) : (['chat', 'POST'] as const);
  if (route === 'chat' && !CHAT_ROUTES.has(path)) return 'unknown';
  return request.method.toUpperCase() === method ? route : 'method';
}
