import type { IncomingMessage, ServerResponse } from 'node:http';
import { asGatewayError } from '../domain/gateway-error.ts';
import { NO_USAGE } from '../domain/outcome.ts';
import { messagesCount } from '../endpoints.ts';
import { countPipeline } from '../pipeline.ts';
import type { Services } from '../services.ts';
import { beginLife, failedOutcome } from './life.ts';
import { readBody, targetOf } from './read-request.ts';
import { requestIdHeaders, writeError } from './write-answer.ts';

/** Answers `POST /v1/messages/count_tokens` by the gateway's own count, whoever serves the model. Never rejects. */
export async function serveCount(
  message: IncomingMessage,
  response: ServerResponse,
  services: Services,
  maxBodyBytes: number,
): Promise<void> {
  const life = beginLife(message, response, services);
  try {
    const head = life.received(targetOf(message.url ?? ''), new Uint8Array());
    const body = await readBody(message, maxBodyBytes);
    const protocol = messagesCount;
    const { countedInput, choice, rateHeaders } = await countPipeline.run({ ...head, body, protocol }, services);
    const { tokens } = await countedInput(choice);
    life.end({ kind: 'completed', status: 200, usage: NO_USAGE });
    const answer = JSON.stringify({ input_tokens: tokens });
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(answer),
      ...requestIdHeaders(life.requestId),
      ...rateHeaders,
    });
    response.end(answer);
  } catch (thrown) {
    const error = asGatewayError(thrown);
    life.end(failedOutcome(error, life.hasClientLeft()), error.details.internal);
    writeError(response, error, life.requestId, messagesCount.errorBody(error, life.requestId));
  }
}
