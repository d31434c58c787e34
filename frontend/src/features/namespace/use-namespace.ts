import { api, dataOf, type Schemas } from '../../api/client.ts';
import { useChange, useRead } from '../../api/queries.ts';

export type NamespaceDraft = Schemas['NamespaceDraft'];
export type Matcher = Schemas['Matcher'];
export type MatcherDraft = Schemas['MatcherDraft'];
export type Policy = Schemas['Policy'];
export type PolicyDraft = Schemas['PolicyDraft'];

/** A namespace and the change of its settings. */
export function useNamespace(id: string) {
  const path = { id };
  return {
    namespace: useRead(['namespaces', id], () => dataOf(api.GET('/api/v2/namespaces/{id}', { params: { path } }))),
    update: useChange(
      'namespaces',
      (body: NamespaceDraft) => dataOf(api.PUT('/api/v2/namespaces/{id}', { params: { path }, body })),
      'done.saved',
    ),
  };
}

/** The matchers of a namespace. */
export function useMatchers(namespaceId: string) {
  const query = { namespaceId, size: 100 };
  return {
    list: useRead(['matchers', namespaceId], () => dataOf(api.GET('/api/v2/matchers', { params: { query } }))),
    save: useChange(
      'matchers',
      ({ id, body }: { id: string | undefined; body: MatcherDraft }) =>
        id === undefined
          ? dataOf(api.POST('/api/v2/matchers', { body }))
          : dataOf(api.PUT('/api/v2/matchers/{id}', { params: { path: { id } }, body })),
      'done.saved',
    ),
    remove: useChange(
      'matchers',
      (id: string) => dataOf(api.DELETE('/api/v2/matchers/{id}', { params: { path: { id } } })),
      'done.deleted',
    ),
  };
}

/** The policies of a namespace. */
export function usePolicies(namespaceId: string) {
  const query = { namespaceId, size: 100 };
  return {
    list: useRead(['policies', namespaceId], () => dataOf(api.GET('/api/v2/policies', { params: { query } }))),
    save: useChange(
      'policies',
      ({ id, body }: { id: string | undefined; body: PolicyDraft }) =>
        id === undefined
          ? dataOf(api.POST('/api/v2/policies', { body }))
          : dataOf(api.PUT('/api/v2/policies/{id}', { params: { path: { id } }, body })),
      'done.saved',
    ),
    remove: useChange(
      'policies',
      (id: string) => dataOf(api.DELETE('/api/v2/policies/{id}', { params: { path: { id } } })),
      'done.deleted',
    ),
  };
}

/** How often counters are asked for, ms. */
const LIMITS_MS = 2_000;

/** Counters and running requests of a namespace, as the gateways that decide see them. */
export function useLimits(namespaceId: string) {
  const query = { namespace: namespaceId };
  return useRead(['limits', namespaceId], () => dataOf(api.GET('/api/v2/limits', { params: { query } })), LIMITS_MS);
}

/** Names of the virtual keys by id. */
export function useVirtualKeyNames(): ReadonlyMap<string, string> {
  const query = { size: 100 };
  const keys = useRead(['virtual-keys'], () => dataOf(api.GET('/api/v2/virtual-keys', { params: { query } })));
  return new Map(keys.data?.items.map(({ id, name }) => [id, name]));
}
