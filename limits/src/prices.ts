import type { Price, Rate } from '@ai-gateway/contracts';
import { isModel, type RequestFacts } from './request-facts.ts';

/** Prices by provider id: exact names first, then the longest prefixes. */
export type PriceIndex = ReadonlyMap<string, readonly Price[]>;

/** Rates by id of the customer type; those of everybody under ''. */
export type RateIndex = ReadonlyMap<string, PriceIndex>;

export function indexPrices(prices: readonly Price[]): PriceIndex {
  const index = new Map<string, Price[]>();
  for (const price of [...prices].sort(byPrecision)) {
    const known = index.get(price.providerId);
    if (known === undefined) index.set(price.providerId, [price]);
    else known.push(price);
  }
  return index;
}

export function indexRates(rates: readonly Rate[]): RateIndex {
  const byType = Map.groupBy(rates, ({ customerTypeId = '' }) => customerTypeId);
  return new Map([...byType].map(([type, own]) => [type, indexPrices(own)]));
}

/** The price of a model at a provider; undefined when none is set. */
export function priceOf(prices: PriceIndex, providerId: string, model: string): Price | undefined {
  return prices.get(providerId)?.find((price) => isModel(price.model, model));
}

/**
 * What a payer is charged for a model: the rate of its customer type, else that of everybody, else the cost price;
 * undefined when none is set.
 */
export function chargedPriceOf(
  { prices, rates }: { readonly prices: PriceIndex; readonly rates: RateIndex },
  { customerTypeId, providerId, model }: Pick<RequestFacts, 'customerTypeId' | 'providerId' | 'model'>,
): Price | undefined {
  if (providerId === undefined || model === undefined) return undefined;
  const ofType = customerTypeId === undefined ? undefined : rates.get(customerTypeId);
  for (const index of [ofType, rates.get(''), prices]) {
    const found = index && priceOf(index, providerId, model);
    if (found !== undefined) return found;
  }
  return undefined;
}

function byPrecision(left: Price, right: Price): number {
  const rank = ({ model }: Price) => (model.endsWith('*') ? model.length : Number.MAX_SAFE_INTEGER);
  if (rank(left) !== rank(right)) return rank(right) - rank(left);
  return left.id < right.id ? -1 : Number(left.id > right.id);
}
