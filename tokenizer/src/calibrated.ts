import { cutText, type TextCut } from './cut-text.ts';
import type { Tokenizer } from './tokenizer.ts';

/** What floating point may add to a product; far below the share of a token that matters. */
const SLACK = 1e-6;

/** A count in a vocabulary that is not the model's own, brought to what the provider reports; rounded up. */
export function calibrated(tokens: number, ratio: number): number {
  return ratio === 1 ? tokens : Math.ceil(Math.max(0, tokens * ratio - SLACK));
}

/** The largest count that is at most `maxTokens` once it is calibrated. */
export function allowanceBefore(maxTokens: number, ratio: number): number {
  if (ratio === 1) return maxTokens;
  const near = Math.floor((maxTokens + SLACK) / ratio);
  return calibrated(near, ratio) <= maxTokens ? near : near - 1;
}

/** Largest ratio that is ever learned, and so the most tokens that a byte can count as. */
export const LARGEST_RATIO = 4;

/** A tokenizer beside the ratio that brings its counts to what a provider reports; 1 where they are exact. */
export interface Calibrated<Counting = Tokenizer> {
  readonly tokenizer: Counting;
  readonly ratio: number;
}

/** `cutText` in the tokens of the provider. */
export function calibratedCut(
  { tokenizer, ratio }: Calibrated<Pick<Tokenizer, 'count' | 'isSafeBoundary'>>,
  text: string,
  maxTokens: number,
  from: number,
): TextCut {
  const cut = cutText(tokenizer, text, allowanceBefore(maxTokens, ratio), from);
  return {
    ...cut,
    tokens: calibrated(cut.tokens, ratio),
    cutTokens: calibrated(cut.cutTokens, ratio),
    finalTokens: calibrated(cut.finalTokens, ratio),
  };
}
