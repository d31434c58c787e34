import { ADMIN_API, type ExplainAnswer, type ExplainedRequest } from '@ai-gateway/contracts';
import type { Express, RequestHandler } from 'express';
import { listRequestLog } from '../db/request-log.ts';
import type { Store } from '../db/store.ts';
import { Refusal } from '../domain/faults.ts';
import type { LiveRates } from '../domain/live-rates.ts';
import { rebuiltRequest } from '../domain/recorded-request.ts';
import { askExplanation } from '../publish/gateway-explain.ts';
import { handle } from './handle.ts';
import { rowOf } from './request-logs.ts';

export interface ExplainOptions {
  readonly store: Store;
  readonly live: LiveRates;
  readonly gatewayToken: string;
  readonly authorize: RequestHandler;
  readonly nowMs: () => number;
}

/** Why a request is decided as it is, asked of a live gateway. */
export function explainRoutes(app: Express, { store, live, gatewayToken, authorize, nowMs }: ExplainOptions): void {
  const gateways = () => live.addresses(nowMs());

  async function explainGiven(request: ExplainedRequest): Promise<ExplainAnswer> {
    return { ...(await askExplanation(gateways(), { request }, gatewayToken)), notRecorded: [] };
  }

  async function explainRecorded(requestId: string): Promise<ExplainAnswer> {
    const [row] = await listRequestLog(store.connection, { requestId, order: 'newest', size: 1 });
    if (row === undefined) throw new Refusal(404, `The log has no request "${requestId}".`);
    const recorded = rowOf(row);
    const { request, recordedInputTokens, notRecorded } = rebuiltRequest(recorded);
    const question = { request, ...(recordedInputTokens !== undefined && { recordedInputTokens }) };
    const explained = await askExplanation(gateways(), question, gatewayToken);
    return { ...explained, recorded, notRecorded: [...notRecorded] };
  }

  handle(app, ADMIN_API.explain.explain, authorize, ({ body: { request, requestId } }) => {
    if (request !== undefined && requestId === undefined) return explainGiven(request);
    if (requestId !== undefined && request === undefined) return explainRecorded(requestId);
    const message = 'Either a request or the id of one in the log is to be explained.';
    throw new Refusal(400, message, [{ path: 'request', message }]);
  });
}
