import { api, dataOf, type Schemas } from '../../api/client.ts';
import { useChange, useRead } from '../../api/queries.ts';

export type Fallback = Schemas['Fallback'];
export type FallbackDraft = Schemas['FallbackDraft'];

/** Fallbacks, a hundred at most on the page. */
export function useFallbacks() {
  return {
    list: useRead(['fallbacks'], () => dataOf(api.GET('/api/v2/fallbacks', { params: { query: { size: 100 } } }))),
    save: useChange(
      'fallbacks',
      ({ id, body }: { id: string | undefined; body: FallbackDraft }) =>
        id === undefined
          ? dataOf(api.POST('/api/v2/fallbacks', { body }))
          : dataOf(api.PUT('/api/v2/fallbacks/{id}', { params: { path: { id } }, body })),
      'done.saved',
    ),
    remove: useChange(
      'fallbacks',
      (id: string) => dataOf(api.DELETE('/api/v2/fallbacks/{id}', { params: { path: { id } } })),
      'done.deleted',
    ),
  };
}
