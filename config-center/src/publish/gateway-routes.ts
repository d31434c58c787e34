import {
  gatewayReport,
  MAX_RULES_WAIT_MS,
  REPORT_PATH,
  REQUEST_LOG_PATH,
  type ReportAnswer,
  RULES_PATH,
  requestLogBatch,
} from '@ai-gateway/contracts';
import type { RulesSigner } from '@ai-gateway/contracts/secrets';
import express, { type Express, type RequestHandler } from 'express';
import { bearerIn } from '../auth/authorize.ts';
import { isSameSecret } from '../auth/secrets.ts';
import { Refusal } from '../domain/faults.ts';
import type { LiveRates } from '../domain/live-rates.ts';
import { deltasSince, type Publisher } from './publisher.ts';
import type { RequestLogIntake } from './request-log-intake.ts';

export interface GatewayRouteOptions {
  readonly publisher: Publisher;
  readonly requestLogIntake: RequestLogIntake;
  readonly live: LiveRates;
  readonly gatewayToken: string;
  readonly signer: RulesSigner;
  readonly nowMs: () => number;
}

/** The routes that gateways call: rules by long poll, their reports, and records of ended requests. */
export function gatewayRoutes(app: Express, options: GatewayRouteOptions): void {
  const { publisher, live, gatewayToken, signer, requestLogIntake, nowMs } = options;
  const isGateway: RequestHandler = (request, _response, next) => {
    const token = bearerIn(request);
    if (token === undefined || !isSameSecret(token, gatewayToken))
      throw new Refusal(401, 'The gateway token is not valid.');
    next();
  };

  app.get(RULES_PATH, isGateway, async (request, response) => {
    const { epoch, revision, waitMs } = request.query;
    const known = { epoch: String(epoch ?? ''), revision: Number(revision ?? -1) };
    const wait = Math.min(Math.max(0, Number(waitMs) || 0), MAX_RULES_WAIT_MS);
    const leaving = new AbortController();
    response.on('close', () => leaving.abort());
    await publisher.waitForNewer(known, wait, leaving.signal);
    if (response.destroyed) return;

    const current = publisher.current();
    if (current.epoch === known.epoch && current.revision <= known.revision) {
      response.status(304).end();
      return;
    }
    const deltas = deltasSince(current, known);
    response
      .set({
        'content-type': 'application/json',
        'x-snapshot-sha256': current.sha256,
        'x-snapshot-revision': String(current.revision),
        'x-snapshot-form': deltas === undefined ? 'body' : 'deltas',
        'x-snapshot-signature': signer.sign(current),
      })
      .send(deltas === undefined ? current.body : `[${deltas.map(({ text }) => text).join(',')}]`);
  });

  app.post(REPORT_PATH, isGateway, express.json({ limit: '8mb' }), (request, response) => {
    const report = gatewayReport.safeParse(request.body);
    if (!report.success) throw new Refusal(400, `The report is not valid: ${report.error.issues[0]?.path.join('.')}`);
    live.add(report.data, request.socket.remoteAddress ?? '', nowMs());
    const answer: ReportAnswer = { gateways: live.size(nowMs()) };
    response.json(answer);
  });

  app.post(REQUEST_LOG_PATH, isGateway, express.json({ limit: '8mb' }), async (request, response) => {
    const batch = requestLogBatch.safeParse(request.body);
    if (!batch.success) throw new Refusal(400, `The records are not valid: ${batch.error.issues[0]?.path.join('.')}`);
    await requestLogIntake(batch.data.records);
    response.json({ records: batch.data.records.length });
  });
}
