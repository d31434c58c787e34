import type { LintFinding, Price, Rate } from '@ai-gateway/contracts';
import type { SnapshotContent } from '../build-snapshot.ts';

/** Priced models for which some payers have no rate: those are charged the cost price. Without any rate, all are meant to be. */
export function lintRates({ prices, rates, customerTypes, providers }: SnapshotContent): LintFinding[] {
  if (rates.length === 0) return [];
  const ratesAt = Map.groupBy(rates, ({ providerId }) => providerId);
  const providerNames = new Map(providers.map(({ id, name }) => [id, name]));
  return prices.flatMap((price) => {
    const covering = (ratesAt.get(price.providerId) ?? []).filter((rate) => covers(rate, price));
    if (covering.some(({ customerTypeId }) => customerTypeId === undefined)) return [];
    const covered = new Set(covering.map(({ customerTypeId }) => customerTypeId));
    const left = customerTypes.filter(({ id }) => !covered.has(id)).map(({ name }) => `"${name}"`);
    const payers = [...left, 'payers without a customer type'].join(', ');
    const name = `${providerNames.get(price.providerId) ?? price.providerId} ${price.model}`;
    const message = `It has no rate for ${payers}, who are charged the cost price.`;
    return [{ severity: 'warning', rule: 'rate-missing', kind: 'prices', id: price.id, name, path: 'model', message }];
  });
}

/** Has every model of the price the rate? */
function covers({ model }: Rate, price: Price): boolean {
  return model.endsWith('*') ? price.model.startsWith(model.slice(0, -1)) : model === price.model;
}
