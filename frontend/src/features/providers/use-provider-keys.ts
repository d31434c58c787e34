import { api, dataOf, type Schemas } from '../../api/client.ts';
import { useChange, useRead } from '../../api/queries.ts';

export type ProviderKey = Schemas['ProviderKey'];
export type ProviderKeyDraft = Schemas['ProviderKeyDraft'];

/** A key that is made needs its secret. */
export type NewProviderKey = ProviderKeyDraft & { readonly secret: string };

/** The keys of a provider, a hundred at most on the page. */
export function useProviderKeys(providerId: string) {
  return {
    list: useRead(['provider-keys', providerId], () =>
      dataOf(api.GET('/api/v2/provider-keys', { params: { query: { providerId, size: 100 } } })),
    ),
    create: useChange(
      'provider-keys',
      (body: NewProviderKey) => dataOf(api.POST('/api/v2/provider-keys', { body })),
      'done.saved',
    ),
    update: useChange(
      'provider-keys',
      ({ id, body }: { id: string; body: ProviderKeyDraft }) =>
        dataOf(api.PUT('/api/v2/provider-keys/{id}', { params: { path: { id } }, body })),
      'done.saved',
    ),
    rotate: useChange(
      'provider-keys',
      ({ id, secret }: { id: string; secret: string }) =>
        dataOf(api.POST('/api/v2/provider-keys/{id}/rotate', { params: { path: { id } }, body: { secret } })),
      'done.saved',
    ),
    remove: useChange(
      'provider-keys',
      (id: string) => dataOf(api.DELETE('/api/v2/provider-keys/{id}', { params: { path: { id } } })),
      'done.deleted',
    ),
  };
}
