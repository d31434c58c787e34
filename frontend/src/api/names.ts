import { api, dataOf } from './client.ts';
import { useRead } from './queries.ts';

const query = { size: 100 };

type Named = readonly { readonly id: string; readonly name: string }[];

const namesOf = (rows: Named | undefined): ReadonlyMap<string, string> =>
  new Map(rows?.map(({ id, name }) => [id, name]));

/** Names of the providers by id. */
export function useProviderNames(): ReadonlyMap<string, string> {
  return namesOf(useRead(['providers'], () => dataOf(api.GET('/api/v2/providers', { params: { query } }))).data?.items);
}

/** Names of the namespaces by id. */
export function useNamespaceNames(): ReadonlyMap<string, string> {
  const read = () => dataOf(api.GET('/api/v2/namespaces', { params: { query } }));
  return namesOf(useRead(['namespaces', 'all'], read).data?.items);
}

/** Base URLs of the upstreams by id. */
export function useUpstreamNames(): ReadonlyMap<string, string> {
  const read = () => dataOf(api.GET('/api/v2/upstreams', { params: { query } }));
  const { data } = useRead(['upstreams', 'all'], read);
  return new Map(data?.items.map(({ id, baseUrl }) => [id, baseUrl]));
}

/** Names of the tenants by id. */
export function useTenantNames(): ReadonlyMap<string, string> {
  return namesOf(useRead(['tenants'], () => dataOf(api.GET('/api/v2/tenants', { params: { query } }))).data?.items);
}

/** Names of the customer types by id. */
export function useCustomerTypeNames(): ReadonlyMap<string, string> {
  const read = () => dataOf(api.GET('/api/v2/customer-types', { params: { query } }));
  return namesOf(useRead(['customer-types'], read).data?.items);
}

/** Names of the users by id. */
export function useUserNames(): ReadonlyMap<string, string> {
  return namesOf(useRead(['users'], () => dataOf(api.GET('/api/v2/users', { params: { query } }))).data?.items);
}
