import { api, dataOf, type Schemas } from '../../api/client.ts';
import { useAnswer, useChange, useRead } from '../../api/queries.ts';

export type Location = Schemas['Location'];
export type LocationDraft = Schemas['LocationDraft'];

/** Locations, a hundred at most on the page. */
export function useLocations() {
  return {
    list: useRead(['locations'], () => dataOf(api.GET('/api/v2/locations', { params: { query: { size: 100 } } }))),
    save: useChange(
      'locations',
      ({ id, body }: { id: string | undefined; body: LocationDraft }) =>
        id === undefined
          ? dataOf(api.POST('/api/v2/locations', { body }))
          : dataOf(api.PUT('/api/v2/locations/{id}', { params: { path: { id } }, body })),
      'done.saved',
    ),
    remove: useChange(
      'locations',
      (id: string) => dataOf(api.DELETE('/api/v2/locations/{id}', { params: { path: { id } } })),
      'done.deleted',
    ),
  };
}

/** Where a path leads as things are. */
export function useTestedPath(path: string) {
  return useAnswer(['locations', 'test', path], (signal) =>
    dataOf(api.POST('/api/v2/locations/test', { body: { path: path === '' ? '/' : path }, signal })),
  );
}
