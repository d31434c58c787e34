import { api, dataOf, type Schemas } from '../../api/client.ts';
import { useChange, useRead } from '../../api/queries.ts';

export type Model = Schemas['Model'];
export type ModelDraft = Schemas['ModelDraft'];
export type Redirect = Schemas['Redirect'];
export type RedirectDraft = Schemas['RedirectDraft'];

const query = { size: 100 };

/** Models, a hundred at most on the page. */
export function useModels() {
  return {
    list: useRead(['models'], () => dataOf(api.GET('/api/v2/models', { params: { query } }))),
    save: useChange(
      'models',
      ({ id, body }: { id: string | undefined; body: ModelDraft }) =>
        id === undefined
          ? dataOf(api.POST('/api/v2/models', { body }))
          : dataOf(api.PUT('/api/v2/models/{id}', { params: { path: { id } }, body })),
      'done.saved',
    ),
    remove: useChange(
      'models',
      (id: string) => dataOf(api.DELETE('/api/v2/models/{id}', { params: { path: { id } } })),
      'done.deleted',
    ),
  };
}

/** Redirects, a hundred at most on the page. */
export function useRedirects() {
  return {
    list: useRead(['redirects'], () => dataOf(api.GET('/api/v2/redirects', { params: { query } }))),
    save: useChange(
      'redirects',
      ({ id, body }: { id: string | undefined; body: RedirectDraft }) =>
        id === undefined
          ? dataOf(api.POST('/api/v2/redirects', { body }))
          : dataOf(api.PUT('/api/v2/redirects/{id}', { params: { path: { id } }, body })),
      'done.saved',
    ),
    remove: useChange(
      'redirects',
      (id: string) => dataOf(api.DELETE('/api/v2/redirects/{id}', { params: { path: { id } } })),
      'done.deleted',
    ),
  };
}
