import { costNanos, microsOf, type TokenPrice } from '@ai-gateway/contracts';

/** What a window counts of a request. Money is in micro-units, rounded up per request. */
export type Counts = 'requests' | 'total' | 'input' | 'output' | 'cost';

/** Tokens of a request: real ones when it is settled, the worst case when it is reserved. */
export interface TokenAmounts {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** What they were had for, where a reservation was made at another price. */
  readonly price?: HeldPrice | undefined;
}

/** Those of a request that did nothing. */
export const NO_TOKENS: TokenAmounts = { inputTokens: 0, outputTokens: 0 };

/** Prices per million tokens in nano-units, as decimal strings so that they survive JSON. */
export interface HeldPrice {
  readonly input: string;
  readonly output: string;
}

export function heldPriceOf({ inputNanosPerMillion, outputNanosPerMillion }: TokenPrice): HeldPrice {
  return { input: String(inputNanosPerMillion), output: String(outputNanosPerMillion) };
}

/** A price that covers each of the given ones. */
export function dearest(prices: readonly (HeldPrice | undefined)[]): HeldPrice | undefined {
  const known = prices.filter((price) => price !== undefined);
  const [first] = known;
  if (first === undefined || known.length === 1) return first;
  const most = (side: keyof HeldPrice) =>
    String(known.map((price) => BigInt(price[side])).reduce((left, right) => (left > right ? left : right)));
  return { input: most('input'), output: most('output') };
}

/** The amount of a request that a window counts. Without a price money is 0. */
export function amountOf(counts: Counts, tokens: TokenAmounts, price: HeldPrice | undefined): number {
  switch (counts) {
    case 'requests':
      return 1;
    case 'total':
      return tokens.inputTokens + tokens.outputTokens;
    case 'input':
      return tokens.inputTokens;
    case 'output':
      return tokens.outputTokens;
    case 'cost':
      return price === undefined ? 0 : costMicros(tokens, price);
    default:
      return counts satisfies never;
  }
}

function costMicros(tokens: TokenAmounts, { input, output }: HeldPrice): number {
  const price = { inputNanosPerMillion: BigInt(input), outputNanosPerMillion: BigInt(output) };
  return microsOf(costNanos(tokens, price));
}
