import { api, dataOf, type Schemas } from '../../api/client.ts';
import { useChange, useRead } from '../../api/queries.ts';

export type User = Schemas['User'];
export type UserDraft = Schemas['UserDraft'];
export interface StatusDraft {
  readonly status: User['status'];
  readonly reason?: string;
}

/** Users, a hundred at most on the page. */
export function useUsers() {
  return {
    list: useRead(['users'], () => dataOf(api.GET('/api/v2/users', { params: { query: { size: 100 } } }))),
    save: useChange(
      'users',
      ({ id, body }: { id: string | undefined; body: UserDraft }) =>
        id === undefined
          ? dataOf(api.POST('/api/v2/users', { body }))
          : dataOf(api.PUT('/api/v2/users/{id}', { params: { path: { id } }, body })),
      'done.saved',
    ),
    remove: useChange(
      'users',
      (id: string) => dataOf(api.DELETE('/api/v2/users/{id}', { params: { path: { id } } })),
      'done.deleted',
    ),
    setStatus: useChange(
      'users',
      ({ id, body }: { id: string; body: StatusDraft }) =>
        dataOf(api.POST('/api/v2/users/{id}/status', { params: { path: { id } }, body })),
      'done.saved',
    ),
  };
}
