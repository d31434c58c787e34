import type { IncomingMessage, ServerResponse } from 'node:http';
import { asGatewayError } from '../domain/gateway-error.ts';
import { NO_USAGE, type Outcome } from '../domain/outcome.ts';
import { chatPipeline } from '../pipeline.ts';
import type { ClientProtocol } from '../protocols/client-protocol.ts';
import type { Services } from '../services.ts';
import type { Answer } from '../stages/limit-output.ts';
import { beginLife, failedOutcome, type Life, usageOfFailure } from './life.ts';
import { readBody, targetOf } from './read-request.ts';
import { requestIdHeaders, writeError, writeStream } from './write-answer.ts';

/**
 * How long the count for a client that left may take before it is estimated. It holds its slot meanwhile, which is to be
 * free within a second; a token service that reads a vocabulary for the first time takes longer.
 */
const LEAVING_COUNT_MS = 400;

/** Where a request came in. */
export interface Endpoint {
  readonly protocol: ClientProtocol;
  readonly maxBodyBytes: number;
}

/** Serves one request for a model's answer. Never rejects. */
export async function serveChat(
  message: IncomingMessage,
  response: ServerResponse,
  services: Services,
  { protocol, maxBodyBytes }: Endpoint,
): Promise<void> {
  const life = beginLife(message, response, services);
  try {
    const target = targetOf(message.url ?? '');
    // Headers are judged before the body is read: a request that is refused for them costs no more.
    const head = life.received(target, new Uint8Array());
    const body = await readBody(message, maxBodyBytes);
    const { answer, rateHeaders, cacheHeaders } = await chatPipeline.run({ ...head, body, protocol }, services);
    const headers = { ...rateHeaders, ...cacheHeaders };
    await sendAnswer(response, answer, { life, headers, heartbeatMs: services.heartbeatMs });
  } catch (thrown) {
    const error = asGatewayError(thrown);
    const usage = await usageOfFailure(life);
    life.end(failedOutcome(error, life.hasClientLeft(), usage), error.details.internal);
    if (response.headersSent) response.destroy();
    else {
      tellDropped(response, life);
      writeError(response, error, life.requestId, protocol.errorBody(error, life.requestId));
    }
  }
}

interface Sending {
  readonly life: Life;
  /** Of limits and the cache. */
  readonly headers: Readonly<Record<string, string>>;
  readonly heartbeatMs: number;
}

async function sendAnswer(
  response: ServerResponse,
  answer: Answer,
  { life, headers, heartbeatMs }: Sending,
): Promise<void> {
  const head = {
    'content-type': answer.contentType,
    ...requestIdHeaders(life.requestId),
    ...headers,
  };
  tellDropped(response, life);
  if (Buffer.isBuffer(answer.body)) {
    life.firstByte();
    life.end(await outcomeOf(answer, life));
    response.writeHead(200, { ...head, 'content-length': answer.body.length }).end(answer.body);
    return;
  }
  response.writeHead(200, { ...head, 'cache-control': 'no-cache', 'x-accel-buffering': 'no' });
  await writeStream(response, answer.body, { onFirstByte: life.firstByte, heartbeatMs });
  const outcome = await outcomeOf(answer, life);
  life.end(outcome, internalOf(answer));
  response.end();
}

/** Tells the client which of its fields the provider never saw. */
function tellDropped(response: ServerResponse, { notes }: Life): void {
  if (notes.dropped.length > 0 && !response.headersSent)
    response.setHeader('x-gateway-dropped', notes.dropped.join(','));
}

/** How the answer ended; one that was kept has used nothing now. */
async function outcomeOf(answer: Answer, life: Life): Promise<Outcome> {
  const outcome = await endOf(answer, life);
  return life.notes.isCached ? { ...outcome, usage: NO_USAGE } : outcome;
}

async function endOf(answer: Answer, life: Life): Promise<Outcome> {
  const end = answer.end();
  if (end === undefined || (life.hasClientLeft() && end.kind === 'partial')) {
    return { kind: 'client_left', status: 499, usage: await answer.usageSoFar(LEAVING_COUNT_MS) };
  }
  switch (end.kind) {
    case 'completed':
      return { kind: 'completed', status: 200, usage: end.usage ?? (await answer.usageSoFar()) };
    case 'cut':
      return { kind: 'cut', status: 200, usage: end.usage };
    case 'partial':
      return { kind: 'partial', status: 200, errorCode: end.error.code, usage: await answer.usageSoFar() };
    default:
      return end satisfies never;
  }
}

function internalOf(answer: Answer): string | undefined {
  const end = answer.end();
  return end?.kind === 'partial' ? end.error.details.internal : undefined;
}
