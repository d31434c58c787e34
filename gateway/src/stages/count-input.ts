import type { Upstream } from '@ai-gateway/contracts';
import { GatewayError } from '../domain/gateway-error.ts';
import { countsRequests } from '../domain/limits/plan.ts';
import type { ModelChoice } from '../domain/resolve-model.ts';
import { isWholeInput } from '../domain/token-drift.ts';
import type { Received, Stage } from '../exchange.ts';
import { type Chat, templateVariablesOf } from '../protocols/openai-chat.ts';
import type { Prompt, Services, TokenCount } from '../services.ts';
import { type Planned, possibleLimits } from './plan-limits.ts';

/** Tokens of the input, counted at most once per request and only when somebody asks. */
export interface InputCount {
  readonly countedInput: () => Promise<TokenCount>;
  /** Known before the request is admitted when a policy or a limit counts tokens. */
  readonly input: TokenCount | undefined;
}

/**
 * Counts the input when a token policy applies. When the token service cannot, a policy that wants exact numbers
 * refuses and all others go on with an estimate.
 */
export const countInput: Stage<
  Received & Planned & { readonly chat: Chat; readonly choice: ModelChoice; readonly targets?: readonly Upstream[] },
  InputCount
> = async (exchange, services) => {
  const { chat, choice, tokenPolicies, notes } = exchange;
  const mayEstimate = tokenPolicies.every(({ rule }) => rule.counting === 'estimate');
  let counted: Promise<TokenCount> | undefined;
  const countedInput = () => {
    counted ??= count(chat, choice.resolvedModel, mayEstimate, services);
    return counted;
  };
  const isNeeded = tokenPolicies.length > 0 || possibleLimits(exchange).some((limit) => !countsRequests(limit));
  notes.countedInput = countedInput;
  return { countedInput, input: isNeeded ? await countedInput() : undefined };
};

async function count(chat: Chat, model: string, mayEstimate: boolean, services: Services): Promise<TokenCount> {
  const prompt = promptOf(chat);
  try {
    const found = await services.tokens.countChat(model, prompt);
    const counted = { ...found, exact: found.exact && isWhole(chat) };
    services.metrics.tokenCount('input', counted.exact ? 'exact' : 'estimate');
    return counted;
  } catch (error) {
    services.metrics.tokenCount('input', 'failed');
    if (!mayEstimate) {
      throw new GatewayError('token_service_unavailable', { retryAfterMs: 1000, internal: String(error) });
    }
    return services.estimates.countChat(model, prompt);
  }
}

/** Is everything of the input in what is counted? */
function isWhole({ body, losses }: Chat): boolean {
  return losses.vital.length === 0 && isWholeInput(body);
}

/** What the input's tokens are made of. */
export function promptOf({ body }: Chat): Prompt {
  return { messages: body.messages, tools: body.tools ?? undefined, templateVariables: templateVariablesOf(body) };
}
