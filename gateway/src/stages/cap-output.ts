import type { Upstream } from '@ai-gateway/contracts';
import { GatewayError } from '../domain/gateway-error.ts';
import type { TokenAmounts } from '../domain/limits/amounts.ts';
import { largestOutput, type OutputCap, outputCapOf } from '../domain/output-cap.ts';
import type { ModelChoice } from '../domain/resolve-model.ts';
import type { Received, Stage } from '../exchange.ts';
import type { Chat } from '../protocols/openai-chat.ts';
import type { Services } from '../services.ts';
import type { InputCount } from './count-input.ts';
import type { Matched } from './match-namespace.ts';
import { type Planned, possibleLimits } from './plan-limits.ts';

/** What the request asks of the limits. */
export interface Demand {
  readonly demand: TokenAmounts;
  /**
   * The client has named no maximum and some window counts output: what is asked for is a guess, which may shrink to
   * the room there is and grows while the answer does.
   */
  readonly isGuess: boolean;
}

/** What the answer may be. */
export interface OutputBounds {
  readonly outputCap: OutputCap | undefined;
}

/** Output reserved per choice when nobody caps it. */
const UNCAPPED_OUTPUT_ESTIMATE = 1024;

/**
 * Checks the input caps and finds the output cap. A client that names a maximum gets it reserved whole; for one that
 * does not, what is reserved is a guess that never exceeds what the windows can hold.
 */
export const capOutput: Stage<
  Received &
    Matched &
    Planned &
    InputCount & { readonly chat: Chat; readonly choice: ModelChoice; readonly targets: readonly Upstream[] },
  Demand & OutputBounds
> = (exchange, services) => {
  const { chat, choice, tokenPolicies, input, price } = exchange;
  const inputTokens = input?.tokens ?? 0;
  checkInputCaps(exchange, inputTokens, services);

  const enforced = tokenPolicies.filter(({ policy }) => policy.mode === 'enforce');
  const outputCap = outputCapOf({
    clientMax: chat.clientMax,
    choices: chat.choices,
    modelMax: choice.maxOutputTokens,
    policies: enforced.map(({ policy, rule }) => ({ policyId: policy.id, maxOutputTokens: rule.maxOutputTokens })),
  });
  const estimate = UNCAPPED_OUTPUT_ESTIMATE * chat.choices;
  // What the model could give at most says little about what it will.
  const isOnlyOfModel = outputCap?.setBy.kind === 'model' && chat.clientMax === undefined;
  const wanted = isOnlyOfModel ? Math.min(outputCap.tokens, estimate) : (outputCap?.tokens ?? estimate);
  const largest = largestOutput(possibleLimits(exchange), inputTokens, price);
  const isGuess = chat.clientMax === undefined && largest < Number.POSITIVE_INFINITY;
  return { outputCap, isGuess, demand: { inputTokens, outputTokens: isGuess ? Math.min(wanted, largest) : wanted } };
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
