import { explainQuestion } from '@ai-gateway/contracts';
import type { Request, Response } from 'express';
import { asGatewayError, GatewayError } from '../domain/gateway-error.ts';
import { explain } from '../explain/explain.ts';
import { madeUpRequest, routeOf } from '../explain/made-up-request.ts';
import type { Services } from '../services.ts';
import { writeError } from './write-answer.ts';

/** Answers the config center's question of how a request would be decided. */
export async function serveExplain(request: Request, response: Response, services: Services): Promise<void> {
  try {
    const question = explainQuestion.safeParse(request.body);
    if (!question.success) {
      const [issue] = question.error.issues;
      const param = issue?.path.join('.') ?? '';
      throw new GatewayError('invalid_request', { message: `${param}: ${issue?.message}`, param });
    }
    const locations = services.config.current()?.locations ?? [];
    const own = { arrivedAtMs: services.nowMs(), defer: () => {}, locations };
    const received = madeUpRequest(question.data.request, own);
    response.json(await explain(question.data, received, routeOf(received), services));
  } catch (thrown) {
    writeError(response, asGatewayError(thrown), '');
  }
}
