import { useMutation, useQueryClient } from '@tanstack/react-query';
import { App } from 'antd';
import { api, dataOf, type Schemas } from '../../api/client.ts';
import { useRead } from '../../api/queries.ts';
import { useTexts } from '../../texts/texts.tsx';

export type Administrator = Schemas['Administrator'];
export type AdministratorDraft = Schemas['AdministratorDraft'];
export type AdministratorKey = Schemas['AdministratorKey'];
export type AdministratorKeyDraft = Schemas['AdministratorKeyDraft'];

const RESOURCES = ['administrators', 'administrator-keys', 'sessions'] as const;

/** Changes who may log in, then reads all three lists again, since each depends on the others, and says that it is done. */
function useAccessChange<Input>(change: (input: Input) => Promise<unknown>, done: 'saved' | 'ended') {
  const client = useQueryClient();
  const { message } = App.useApp();
  const { t } = useTexts();
  return useMutation({
    mutationFn: change,
    onSuccess: async () => {
      void message.success(t(`administrator.${done}`));
      await Promise.all(RESOURCES.map((name) => client.invalidateQueries({ queryKey: [name] })));
    },
  });
}

/** Administrators and what can be done with them. */
export function useAdministrators() {
  return {
    list: useRead(['administrators'], () => dataOf(api.GET('/api/v2/administrators'))),
    save: useAccessChange(
      ({ id, body }: { id: string | undefined; body: AdministratorDraft }) =>
        id === undefined
          ? dataOf(api.POST('/api/v2/administrators', { body }))
          : dataOf(api.PUT('/api/v2/administrators/{id}', { params: { path: { id } }, body })),
      'saved',
    ),
    remove: useAccessChange(
      (id: string) => dataOf(api.DELETE('/api/v2/administrators/{id}', { params: { path: { id } } })),
      'saved',
    ),
    endSessions: useAccessChange(
      (id: string) => dataOf(api.DELETE('/api/v2/administrators/{id}/sessions', { params: { path: { id } } })),
      'ended',
    ),
  };
}

/** Public keys of administrators. */
export function useKeys() {
  return {
    list: useRead(['administrator-keys'], () => dataOf(api.GET('/api/v2/administrator-keys'))),
    add: useAccessChange(
      (body: AdministratorKeyDraft) => dataOf(api.POST('/api/v2/administrator-keys', { body })),
      'saved',
    ),
    update: useAccessChange(
      ({ fingerprint, comment, isEnabled }: AdministratorKey) =>
        dataOf(
          api.PUT('/api/v2/administrator-keys/{fingerprint}', {
            params: { path: { fingerprint } },
            body: { comment, isEnabled },
          }),
        ),
      'saved',
    ),
    remove: useAccessChange(
      (fingerprint: string) =>
        dataOf(api.DELETE('/api/v2/administrator-keys/{fingerprint}', { params: { path: { fingerprint } } })),
      'saved',
    ),
  };
}

/** Sessions in force. */
export function useSessions() {
  return {
    list: useRead(['sessions'], () => dataOf(api.GET('/api/v2/sessions')), 10_000),
    end: useAccessChange(
      (id: string) => dataOf(api.DELETE('/api/v2/sessions/{id}', { params: { path: { id } } })),
      'ended',
    ),
  };
}
