import { api, dataOf, type Schemas } from '../../api/client.ts';
import { useChange, useRead } from '../../api/queries.ts';

export type Provider = Schemas['Provider'];
export type ProviderDraft = Schemas['ProviderDraft'];
export type Upstream = Schemas['Upstream'];
export type UpstreamDraft = Schemas['UpstreamDraft'];

/** Providers, a hundred at most on the page. */
export function useProviders() {
  return {
    list: useRead(['providers'], () => dataOf(api.GET('/api/v2/providers', { params: { query: { size: 100 } } }))),
    save: useChange(
      'providers',
      ({ id, body }: { id: string | undefined; body: ProviderDraft }) =>
        id === undefined
          ? dataOf(api.POST('/api/v2/providers', { body }))
          : dataOf(api.PUT('/api/v2/providers/{id}', { params: { path: { id } }, body })),
      'done.saved',
    ),
    remove: useChange(
      'providers',
      (id: string) => dataOf(api.DELETE('/api/v2/providers/{id}', { params: { path: { id } } })),
      'done.deleted',
    ),
  };
}

/** The upstreams of a provider. */
export function useUpstreams(providerId: string) {
  return {
    list: useRead(['upstreams', providerId], () =>
      dataOf(api.GET('/api/v2/upstreams', { params: { query: { providerId, size: 100 } } })),
    ),
    save: useChange(
      'upstreams',
      ({ id, body }: { id: string | undefined; body: UpstreamDraft }) =>
        id === undefined
          ? dataOf(api.POST('/api/v2/upstreams', { body }))
          : dataOf(api.PUT('/api/v2/upstreams/{id}', { params: { path: { id } }, body })),
      'done.saved',
    ),
    remove: useChange(
      'upstreams',
      (id: string) => dataOf(api.DELETE('/api/v2/upstreams/{id}', { params: { path: { id } } })),
      'done.deleted',
    ),
  };
}
