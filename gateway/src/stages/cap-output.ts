import { type CappedDemand, demandOf } from '@ai-gateway/limits';
import { GatewayError } from '../domain/gateway-error.ts';
import type { ModelChoice } from '../domain/resolve-model.ts';
import type { Target } from '../domain/target.ts';
import type { Received, Stage } from '../exchange.ts';
import type { Chat } from '../protocols/openai-chat.ts';
import type { Services } from '../services.ts';
import type { InputCount } from './count-input.ts';
import type { Matched } from './match-namespace.ts';
import { type Planned, possibleLimits } from './plan-limits.ts';

/** What the request asks of the limits. */
export type Demand = Pick<CappedDemand, 'demand' | 'isGuess'>;

/** What the answer may be. */
export type OutputBounds = Pick<CappedDemand, 'outputCap'>;

/** Checks the input caps, finds the output cap and what is to be reserved. */
export const capOutput: Stage<
  Received &
    Matched &
    Planned &
    InputCount & { readonly chat: Chat; readonly choice: ModelChoice; readonly targets: readonly Target[] },
  Demand & OutputBounds
> = (exchange, services) => {
  const { chat, choice, tokenPolicies, input, inputs, price, notes } = exchange;
  // Whoever comes to answer counts by a tokenizer of its own.
  const inputTokens = Math.max(0, ...[...inputs.values()].map(({ tokens }) => tokens));
  notes.demand = { inputTokens, outputTokens: 0 };
  checkInputCaps(exchange, input?.tokens ?? 0, services);

  const capped = demandOf({
    clientMax: chat.clientMax,
    choices: chat.choices,
    inputTokens,
    tokenPolicies,
    modelMax: choice.maxOutputTokens,
    limits: possibleLimits(exchange),
    price,
  });
  notes.outputCap = capped.outputCap;
  notes.demand = capped.demand;
  return capped;
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
