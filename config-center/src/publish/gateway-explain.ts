import { EXPLAIN_PATH, type ExplainQuestion, type Explanation, explanation } from '@ai-gateway/contracts';
import { z } from 'zod';
import { Refusal } from '../domain/faults.ts';
import { type AskedGateway, askGateway } from './ask-gateway.ts';

/** Counting a long input takes a moment. */
const TIMEOUT_MS = 8_000;

const refusedShape = z.object({ error: z.object({ message: z.string(), param: z.string().nullish() }) });

/**
 * Asks gateways one after the other until one explains.
 * @throws Refusal 400 with what a gateway refuses, 503 when none answers
 */
export async function askExplanation(
  gateways: readonly AskedGateway[],
  question: ExplainQuestion,
  gatewayToken: string,
): Promise<Explanation> {
  for (const gateway of gateways) {
    const answer = await ask(gateway, question, gatewayToken);
    if (answer !== undefined) return answer;
  }
  throw new Refusal(503, gateways.length === 0 ? 'No gateway is live.' : 'No gateway answers.');
}

async function ask(
  gateway: AskedGateway,
  question: ExplainQuestion,
  gatewayToken: string,
): Promise<Explanation | undefined> {
  const asked = { path: EXPLAIN_PATH, body: JSON.stringify(question), gatewayToken };
  const reply = await askGateway(gateway, { ...asked, signal: AbortSignal.timeout(TIMEOUT_MS) }).catch(() => undefined);
  if (reply === undefined) return undefined;
  const answer = explanation.safeParse(reply.body);
  if (reply.status === 200 && answer.success) return answer.data;

  const refused = refusedShape.safeParse(reply.body);
  if (reply.status !== 400 || !refused.success) return undefined;
  const { message, param } = refused.data.error;
  throw new Refusal(400, message, [{ path: param ?? '', message }]);
}
