import { countsRequests } from '@ai-gateway/limits';
import { GatewayError } from '../domain/gateway-error.ts';
import type { ModelChoice } from '../domain/resolve-model.ts';
import type { Target } from '../domain/target.ts';
import { isWholeInput } from '../domain/token-drift.ts';
import type { Received, Stage } from '../exchange.ts';
import { mayExceedContext } from '../protocols/context-length.ts';
import { type Chat, templateVariablesOf } from '../protocols/openai-chat.ts';
import type { Prompt, Services, TokenCount, TokenCounter } from '../services.ts';
import { type Planned, possibleLimits } from './plan-limits.ts';

/** Tokens of the input, counted at most once per model and only when somebody asks. */
export interface InputCount {
  /** By the tokenizer of a model that may answer. */
  readonly countedInput: (choice: ModelChoice) => Promise<TokenCount>;
  /**
   * By the model that is asked for. Known before the request is admitted when a policy or a limit counts tokens, or the
   * model's context might be too short.
   */
  readonly input: TokenCount | undefined;
  /** The same for every model that may come to answer, by its resolved name. */
  readonly inputs: ReadonlyMap<string, TokenCount>;
}

/**
 * Counts the input when a token policy applies. When the token service cannot, a policy that wants exact numbers
 * refuses and all others go on with an estimate.
 */
export const countInput: Stage<
  Received & Planned & { readonly chat: Chat; readonly choice: ModelChoice; readonly targets?: readonly Target[] },
  InputCount
> = async (exchange, services) => {
  const { chat, choice, targets = [], tokenPolicies, notes, body } = exchange;
  const mayEstimate = tokenPolicies.every(({ rule }) => rule.counting === 'estimate');
  const counts = new Map<string, Promise<TokenCount>>();
  const countedInput = ({ resolvedModel }: ModelChoice) => {
    const counted = counts.get(resolvedModel) ?? count(chat, resolvedModel, mayEstimate, services);
    counts.set(resolvedModel, counted);
    return counted;
  };
  notes.countedInput = () => countedInput(notes.target?.choice ?? choice);

  const areLimited = tokenPolicies.length > 0 || possibleLimits(exchange).some((limit) => !countsRequests(limit));
  const isNeeded = (each: ModelChoice) =>
    areLimited || mayExceedContext(chat, each, () => body.length * services.tokens.tokensPerByte(each.resolvedModel));
  const needed = [...new Set([choice, ...targets.map((target) => target.choice)])].filter(isNeeded);
  const counted = needed.map(async (each) => [each.resolvedModel, await countedInput(each)] as const);
  const inputs = new Map(await Promise.all(counted));
  return { countedInput, input: inputs.get(choice.resolvedModel), inputs };
};

async function count(chat: Chat, model: string, mayEstimate: boolean, services: Services): Promise<TokenCount> {
  try {
    const found = await countBy(services.tokens, model, chat);
    const counted = { ...found, exact: found.exact && isWhole(chat) };
    services.metrics.tokenCount('input', counted.exact ? 'exact' : 'estimate');
    return counted;
  } catch (error) {
    services.metrics.tokenCount('input', 'failed');
    if (!mayEstimate) {
      throw new GatewayError('token_service_unavailable', { retryAfterMs: 1000, internal: String(error) });
    }
    return countBy(services.estimates, model, chat);
  }
}

/** Is everything of the input in what is counted? */
export function isWhole({ body, texts, losses }: Chat): boolean {
  return texts !== undefined || (losses.vital.length === 0 && isWholeInput(body));
}

/** Counts the input by one counter: a conversation with its template, texts as they are. */
export async function countBy(counter: TokenCounter, model: string, chat: Chat): Promise<TokenCount> {
  const { texts } = chat;
  if (texts === undefined) return counter.countChat(model, promptOf(chat));
  const counts = await Promise.all(texts.texts.map((text) => counter.cut(model, text, Number.MAX_SAFE_INTEGER, 0)));
  return {
    tokens: texts.tokens + counts.reduce((sum, { tokens }) => sum + tokens, 0),
    exact: counts.every(({ exact }) => exact),
    isRough: counts.some(({ isRough }) => isRough === true),
    ratio: counts[0]?.ratio,
  };
}

/** What the input's tokens are made of. */
function promptOf({ body }: Chat): Prompt {
  return { messages: body.messages, tools: body.tools ?? undefined, templateVariables: templateVariablesOf(body) };
}
