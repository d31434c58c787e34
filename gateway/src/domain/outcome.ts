import type { OutcomeKind, UsageSource } from '@ai-gateway/contracts';
import type { TokenAmounts } from './limits/amounts.ts';

/** Tokens of a finished request and where the numbers come from. */
export interface TokenUsage extends TokenAmounts {
  readonly source: UsageSource;
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
  return { inputTokens, outputTokens, source: 'provider' };
}

function isSane(tokens: unknown): tokens is number {
  return typeof tokens === 'number' && Number.isInteger(tokens) && tokens >= 0 && tokens <= SANE_TOKENS;
}
