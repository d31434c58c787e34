import type { OutcomeKind, UsageSource } from '@ai-gateway/contracts';
import type { TokenAmounts } from '@ai-gateway/limits';

/** Tokens of a finished request and where the numbers come from. */
export interface TokenUsage extends TokenAmounts {
  readonly source: UsageSource;
  /** Output tokens that the provider says are no text of the answer: reasoning, audio, rejected predictions. */
  readonly otherTokens?: number;
}

/** How a request ended: the hinge of settlement, metrics and the log. */
export interface Outcome {
  readonly kind: OutcomeKind;
  readonly status: number;
  readonly errorCode?: string | undefined;
  readonly usage: TokenUsage;
}

export const NO_USAGE: TokenUsage = { inputTokens: 0, outputTokens: 0, source: 'none' };

/** Most tokens that a provider's report may name before it is taken for nonsense. */
const SANE_TOKENS = 100_000_000;

/**
 * A provider's usage object if it is sane: non-negative safe integers of believable size.
 * Anything else (null, strings, negative, 1e308) is undefined and the own count is used.
 */
export function saneUsage(reported: unknown): TokenUsage | undefined {
  if (typeof reported !== 'object' || reported === null) return undefined;
  const { prompt_tokens: inputTokens, completion_tokens: outputTokens } = reported as Record<string, unknown>;
  if (!isSane(inputTokens) || !isSane(outputTokens)) return undefined;
  const otherTokens = otherTokensIn((reported as Record<string, unknown>).completion_tokens_details);
  return { inputTokens, outputTokens, source: 'provider', ...(otherTokens > 0 && { otherTokens }) };
}

function otherTokensIn(details: unknown): number {
  if (typeof details !== 'object' || details === null) return 0;
  const { reasoning_tokens, audio_tokens, rejected_prediction_tokens } = details as Record<string, unknown>;
  const named = [reasoning_tokens, audio_tokens, rejected_prediction_tokens].filter(isSane);
  return named.reduce((sum, tokens) => sum + tokens, 0);
}

function isSane(tokens: unknown): tokens is number {
  return typeof tokens === 'number' && Number.isInteger(tokens) && tokens >= 0 && tokens <= SANE_TOKENS;
}
