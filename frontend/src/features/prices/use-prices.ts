import { api, dataOf, type Schemas } from '../../api/client.ts';
import { useChange, useRead } from '../../api/queries.ts';

export type Price = Schemas['Price'];
export type PriceDraft = Schemas['PriceDraft'];
export type Rate = Schemas['Rate'];
export type RateDraft = Schemas['RateDraft'];

const query = { size: 100 };

/** What providers charge, a hundred rows at most on the page. */
export function usePrices() {
  return {
    list: useRead(['prices'], () => dataOf(api.GET('/api/v2/prices', { params: { query } }))),
    save: useChange(
      'prices',
      ({ id, body }: { id: string | undefined; body: PriceDraft }) =>
        id === undefined
          ? dataOf(api.POST('/api/v2/prices', { body }))
          : dataOf(api.PUT('/api/v2/prices/{id}', { params: { path: { id } }, body })),
      'done.saved',
    ),
    remove: useChange(
      'prices',
      (id: string) => dataOf(api.DELETE('/api/v2/prices/{id}', { params: { path: { id } } })),
      'done.deleted',
    ),
  };
}

/** What payers are charged, a hundred rows at most on the page. */
export function useRates() {
  return {
    list: useRead(['rates'], () => dataOf(api.GET('/api/v2/rates', { params: { query } }))),
    save: useChange(
      'rates',
      ({ id, body }: { id: string | undefined; body: RateDraft }) =>
        id === undefined
          ? dataOf(api.POST('/api/v2/rates', { body }))
          : dataOf(api.PUT('/api/v2/rates/{id}', { params: { path: { id } }, body })),
      'done.saved',
    ),
    remove: useChange(
      'rates',
      (id: string) => dataOf(api.DELETE('/api/v2/rates/{id}', { params: { path: { id } } })),
      'done.deleted',
    ),
  };
}
