import { type PolicyTestResult, policyTestsQuestion, type Snapshot } from '@ai-gateway/contracts';
import type { Request, Response } from 'express';
import { asGatewayError, GatewayError } from '../domain/gateway-error.ts';
import { type NewLimits, runPolicyTest } from '../policy-tests/run-policy-test.ts';
import { compileTested, type TestedRules } from '../policy-tests/tested-rules.ts';
import type { Services } from '../services.ts';
import { writeError } from './write-answer.ts';

/** Runs the policy tests of the config center on its draft rules, until it does not listen any more. */
export async function servePolicyTests(
  request: Request,
  response: Response,
  parts: { readonly services: Services; readonly newLimits: NewLimits },
): Promise<void> {
  try {
    const question = policyTestsQuestion.safeParse(request.body);
    if (!question.success) {
      const [issue] = question.error.issues;
      const param = issue?.path.join('.') ?? '';
      throw new GatewayError('invalid_request', { message: `${param}: ${issue?.message}`, param });
    }
    const rules = compiledOrRefused(question.data.rules);
    const results: PolicyTestResult[] = [];
    for (const test of question.data.tests) {
      if (response.destroyed) return;
      results.push(await runPolicyTest(test, rules, parts));
    }
    response.json({ results });
  } catch (thrown) {
    writeError(response, asGatewayError(thrown), '');
  }
}

/** @throws GatewayError `invalid_request` naming the rule that does not compile */
function compiledOrRefused(rules: Snapshot): TestedRules {
  try {
    return compileTested(rules);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new GatewayError('invalid_request', { message, param: 'rules' });
  }
}
