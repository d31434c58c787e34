import { nanosOf } from '../money.ts';
import type { Price } from '../price.ts';

/** Prices per million tokens in nano-units. */
export interface TokenPrice {
  readonly inputNanosPerMillion: bigint;
  readonly outputNanosPerMillion: bigint;
}

const MILLION = 1_000_000n;

export function tokenPriceOf({
  inputPerMillion,
  outputPerMillion,
}: Pick<Price, 'inputPerMillion' | 'outputPerMillion'>): TokenPrice {
  return { inputNanosPerMillion: nanosOf(inputPerMillion), outputNanosPerMillion: nanosOf(outputPerMillion) };
}

/** Cost of tokens in nano-units, rounded up so that no priced request is free. */
export function costNanos(
  { inputTokens, outputTokens }: { readonly inputTokens: number; readonly outputTokens: number },
  price: TokenPrice,
): bigint {
  const scaled = BigInt(inputTokens) * price.inputNanosPerMillion + BigInt(outputTokens) * price.outputNanosPerMillion;
  return (scaled + MILLION - 1n) / MILLION;
}
