import { rateShape } from '@ai-gateway/contracts';
import { expect, it } from 'vitest';
import { chargedPriceOf, indexPrices, indexRates } from './prices.ts';

const row = (id: string, model: string, customerTypeId?: string, providerId = 'p') =>
  rateShape.parse({ id, providerId, model, customerTypeId, inputPerMillion: '1', outputPerMillion: '1' });

const prices = indexPrices([row('cost *', '*'), row('cost gpt-4', 'gpt-4'), row('cost of q', '*', undefined, 'q')]);
const rates = indexRates([
  row('gold gpt-*', 'gpt-*', 'gold'),
  row('gold gpt-4*', 'gpt-4*', 'gold'),
  row('gold gpt-4', 'gpt-4', 'gold'),
  row('all gpt-5', 'gpt-5'),
  row('all qwen*', 'qwen*'),
  row('silver of q', '*', 'silver', 'q'),
]);

it.each([
  ['gold', 'p', 'gpt-4', 'gold gpt-4'],
  ['gold', 'p', 'gpt-4o', 'gold gpt-4*'],
  // A prefix of the own type goes before the exact name of everybody.
  ['gold', 'p', 'gpt-5', 'gold gpt-*'],
  ['gold', 'p', 'qwen3', 'all qwen*'],
  ['silver', 'p', 'gpt-5', 'all gpt-5'],
  ['silver', 'p', 'gpt-4', 'cost gpt-4'],
  [undefined, 'p', 'other', 'cost *'],
  ['silver', 'q', 'gpt-5', 'silver of q'],
  ['gold', 'q', 'gpt-5', 'cost of q'],
  ['gold', 'unknown', 'gpt-5', undefined],
  ['gold', 'p', undefined, undefined],
])('a payer of type %s is charged for %s/%s by "%s"', (customerTypeId, providerId, model, id) => {
  expect(chargedPriceOf({ prices, rates }, { customerTypeId, providerId, model })?.id).toBe(id);
});
