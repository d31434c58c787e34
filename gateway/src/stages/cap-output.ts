import { GatewayError } from '../domain/gateway-error.ts';
import type { TokenAmounts } from '../domain/limits/reserve.ts';
import { type OutputCap, outputCapOf } from '../domain/output-cap.ts';
import type { Received, Stage } from '../exchange.ts';
import type { Chat } from '../protocols/openai-chat.ts';
import type { Services } from '../services.ts';
import type { InputCount } from './count-input.ts';
import type { Matched } from './match-namespace.ts';
import type { Planned } from './plan-limits.ts';

/** What the request asks of the limits: the worst case in tokens. */
export interface Demand {
  readonly demand: TokenAmounts & { readonly isOutputNamed: boolean };
}

/** Output reserved per choice when nobody caps it. */
const UNCAPPED_OUTPUT_ESTIMATE = 1024;

/** Checks the input caps and finds the output cap. */
export const capOutput: Stage<
  Received & Matched & Planned & InputCount & { readonly chat: Chat },
  Demand & { readonly outputCap: OutputCap | undefined }
> = (exchange, services) => {
  const { chat, tokenPolicies, input } = exchange;
  const inputTokens = input?.tokens ?? 0;
  checkInputCaps(exchange, inputTokens, services);

  const enforced = tokenPolicies.filter(({ policy }) => policy.mode === 'enforce');
  const outputCap = outputCapOf({
    clientMax: chat.clientMax,
    choices: chat.choices,
    policies: enforced.map(({ policy, rule }) => ({ policyId: policy.id, maxOutputTokens: rule.maxOutputTokens })),
  });
  const outputTokens = outputCap?.tokens ?? UNCAPPED_OUTPUT_ESTIMATE * chat.choices;
  return { outputCap, demand: { inputTokens, outputTokens, isOutputNamed: chat.clientMax !== undefined } };
};

function checkInputCaps(
  { namespace, tokenPolicies, notes }: Matched & Planned & Received,
  inputTokens: number,
  { metrics }: Services,
): void {
  for (const { policy, rule } of tokenPolicies) {
    if (rule.maxInputTokens === undefined || inputTokens <= rule.maxInputTokens) continue;
    const isObserved = policy.mode === 'observe';
    metrics.refusal(namespace.namespace.code, { policyId: policy.id, kind: 'input-cap', isObserved });
    if (isObserved) continue;
    notes.refusedByPolicyIds = [policy.id];
    throw new GatewayError('input_tokens_exceeded', {
      message: `The input has ${inputTokens} tokens; policy "${policy.name}" allows ${rule.maxInputTokens}.`,
      param: 'messages',
      policyIds: [policy.id],
    });
  }
}
