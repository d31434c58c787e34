import { api, dataOf, type Schemas } from '../../api/client.ts';
import { LIVE_MS, useChange, useRead } from '../../api/queries.ts';

export type Namespace = Schemas['Namespace'];
export type NamespaceDraft = Schemas['NamespaceDraft'];
export type NamespaceLive = Schemas['NamespaceLive'];

/** A page of namespaces and what can be done with them. */
export function useNamespaces(page: number, keyword: string) {
  const query = { page, size: 20, ...(keyword !== '' && { keyword }) };
  return {
    list: useRead(['namespaces', query], () => dataOf(api.GET('/api/v2/namespaces', { params: { query } }))),
    create: useChange(
      'namespaces',
      (body: NamespaceDraft) => dataOf(api.POST('/api/v2/namespaces', { body })),
      'done.saved',
    ),
    update: useChange(
      'namespaces',
      ({ id, createdAt: _, updatedAt: __, ...body }: Namespace) =>
        dataOf(api.PUT('/api/v2/namespaces/{id}', { params: { path: { id } }, body })),
      'done.saved',
    ),
    remove: useChange(
      'namespaces',
      (id: string) => dataOf(api.DELETE('/api/v2/namespaces/{id}', { params: { path: { id } } })),
      'done.deleted',
    ),
  };
}

/** Live numbers by namespace. */
export function useLive(): ReadonlyMap<string, NamespaceLive> {
  const live = useRead(['live'], () => dataOf(api.GET('/api/v2/live/namespaces')), LIVE_MS);
  return new Map(live.data?.items.map((item) => [item.namespaceId, item]));
}
