import { snapshotShape } from '@ai-gateway/contracts';
import { expect, it } from 'vitest';
import { lintRates } from './lint-rates.ts';

const amounts = { inputPerMillion: '1', outputPerMillion: '1' };
const RULES = snapshotShape.parse({
  epoch: 'e',
  revision: 1,
  createdAt: '2026-01-01T00:00:00Z',
  namespaces: [],
  matchers: [],
  policies: [],
  providers: [{ id: 'p', name: 'acme', models: ['*'] }],
  upstreams: [],
  virtualKeys: [],
  customerTypes: [
    { id: 'g', name: 'gold' },
    { id: 's', name: 'silver' },
  ],
  prices: [{ id: 'price', providerId: 'p', model: 'gpt-4*', ...amounts }],
});
const found = (...rates: (readonly [model: string, customerTypeId?: string | undefined, providerId?: string])[]) =>
  lintRates({
    ...RULES,
    rates: rates.map(([model, customerTypeId, providerId = 'p'], index) => ({
      id: `rate ${index}`,
      providerId,
      model,
      customerTypeId,
      ...amounts,
    })),
  }).map(({ rule, id, name, message }) => `${rule} ${id} ${name}: ${message}`);

const left = (payers: string) => [
  `rate-missing price acme gpt-4*: It has no rate for ${payers}, who are charged the cost price.`,
];

it('names who has no rate for a priced model, once there is any rate', () => {
  expect(found()).toEqual([]);
  expect(found(['gpt-*', 'g'])).toEqual(left('"silver", payers without a customer type'));
  expect(found(['gpt-4*', 'g'], ['*', 's'])).toEqual(left('payers without a customer type'));
  expect(found(['gpt-4*'])).toEqual([]);
  // A rate of some of the models, or at another provider, leaves others out.
  const nobody = left('"gold", "silver", payers without a customer type');
  expect(found(['gpt-4o'], ['gpt-4-*', 'g'])).toEqual(nobody);
  expect(found(['*', undefined, 'q'])).toEqual(nobody);
});
