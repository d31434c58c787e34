import {
  POLICY_TESTS_PATH,
  type PolicyTestResult,
  type PolicyTestsQuestion,
  policyTestsAnswer,
} from '@ai-gateway/contracts';
import { type AskedGateway, askGateway } from './ask-gateway.ts';

/** How long a gateway may take, and all of them together, ms. */
export interface Patience {
  readonly each: number;
  readonly all: number;
}

/** What the tests came to, or why no gateway has run them. */
export type TestsRun =
  | { readonly kind: 'run'; readonly results: readonly PolicyTestResult[] }
  | { readonly kind: 'not run'; readonly reason: string };

/** Asks gateways one after the other until one has run the tests. */
export async function askPolicyTests(
  gateways: readonly AskedGateway[],
  question: PolicyTestsQuestion,
  { gatewayToken, patience }: { readonly gatewayToken: string; readonly patience: Patience },
): Promise<TestsRun> {
  const body = JSON.stringify(question);
  const end = AbortSignal.timeout(patience.all);
  let reason = 'No gateway is live.';
  for (const gateway of gateways) {
    if (end.aborted) break;
    const { gatewayId } = gateway;
    try {
      const signal = AbortSignal.any([end, AbortSignal.timeout(patience.each)]);
      const reply = await askGateway(gateway, { path: POLICY_TESTS_PATH, body, gatewayToken, signal });
      const answer = policyTestsAnswer.safeParse(reply.body);
      if (answer.success) return { kind: 'run', ...answer.data };
      reason = `Gateway ${gatewayId} answered ${reply.status}.`;
    } catch (error) {
      reason = `Gateway ${gatewayId} does not answer: ${error instanceof Error ? error.message : String(error)}.`;
    }
  }
  return { kind: 'not run', reason };
}
