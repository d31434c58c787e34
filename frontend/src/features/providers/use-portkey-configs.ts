import { api, dataOf, type Schemas } from '../../api/client.ts';
import { useChange, useRead } from '../../api/queries.ts';

export type PortkeyConfig = Schemas['PortkeyConfig'];
export type PortkeyConfigDraft = Schemas['PortkeyConfigDraft'];
export type PortkeyConfigVersion = Schemas['PortkeyConfigVersion'];

const RESOURCE = 'portkey-configs';

/** The Portkey configs of a provider, and which of them is active. */
export function usePortkeyConfigs(providerId: string) {
  return {
    list: useRead([RESOURCE, providerId], () =>
      dataOf(api.GET('/api/v2/portkey-configs', { params: { query: { providerId, size: 100 } } })),
    ),
    save: useChange(
      RESOURCE,
      ({ id, body }: { id: string | undefined; body: PortkeyConfigDraft }) =>
        id === undefined
          ? dataOf(api.POST('/api/v2/portkey-configs', { body }))
          : dataOf(api.PUT('/api/v2/portkey-configs/{id}', { params: { path: { id } }, body })),
      'done.saved',
    ),
    switchTo: useChange(
      RESOURCE,
      ({ id, to }: { id: string; to: 'activate' | 'deactivate' }) =>
        dataOf(api.POST(`/api/v2/portkey-configs/{id}/${to}`, { params: { path: { id } } })),
      'done.saved',
    ),
    remove: useChange(
      RESOURCE,
      (id: string) => dataOf(api.DELETE('/api/v2/portkey-configs/{id}', { params: { path: { id } } })),
      'done.deleted',
    ),
  };
}

/** What a Portkey config has been, the newest first. */
export function usePortkeyVersions(id: string) {
  return useRead([RESOURCE, 'versions', id], () =>
    dataOf(api.GET('/api/v2/portkey-configs/{id}/versions', { params: { path: { id }, query: { size: 50 } } })),
  );
}
