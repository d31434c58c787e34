import type { Price } from '@ai-gateway/contracts';
import { isModel } from './request-facts.ts';

/** Prices by provider id: exact names first, then the longest prefixes. */
export type PriceIndex = ReadonlyMap<string, readonly Price[]>;

export function indexPrices(prices: readonly Price[]): PriceIndex {
  const index = new Map<string, Price[]>();
  for (const price of [...prices].sort(byPrecision)) {
    const known = index.get(price.providerId);
    if (known === undefined) index.set(price.providerId, [price]);
    else known.push(price);
  }
  return index;
}

/** The price of a model at a provider; undefined when none is set. */
export function priceOf(prices: PriceIndex, providerId: string, model: string): Price | undefined {
  return prices.get(providerId)?.find((price) => isModel(price.model, model));
}

function byPrecision(left: Price, right: Price): number {
  const rank = ({ model }: Price) => (model.endsWith('*') ? model.length : Number.MAX_SAFE_INTEGER);
  if (rank(left) !== rank(right)) return rank(right) - rank(left);
  return left.id < right.id ? -1 : Number(left.id > right.id);
}
