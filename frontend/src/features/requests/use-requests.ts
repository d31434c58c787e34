import { api, dataOf, type Schemas } from '../../api/client.ts';
import { LIVE_MS, useRead } from '../../api/queries.ts';
import type { Filters } from './filters.ts';

export type RequestLog = Schemas['RequestLog'];

/** A page of the log of requests; the newest page follows what happens. */
export function useRequests(filters: Filters) {
  const query = { size: 20, ...filters };
  return useRead(
    ['request-logs', query],
    () => dataOf(api.GET('/api/v2/request-logs', { params: { query } })),
    filters.cursor === undefined ? 5 * LIVE_MS : undefined,
  );
}

/** The name of a policy; its id while the name is not known, and when there is no such policy any more. */
export function usePolicyName(id: string): string {
  const policy = useRead(['policies', 'one', id], () =>
    dataOf(api.GET('/api/v2/policies/{id}', { params: { path: { id } } })),
  );
  return policy.data?.id === id ? policy.data.name : id;
}

/** The name of a virtual key; its id while the name is not known, and when there is no such key any more. */
export function useVirtualKeyName(id: string): string {
  const key = useRead(['virtual-keys', 'one', id], () =>
    dataOf(api.GET('/api/v2/virtual-keys/{id}', { params: { path: { id } } })),
  );
  return key.data?.id === id ? key.data.name : id;
}
