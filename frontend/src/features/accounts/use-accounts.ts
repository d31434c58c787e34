import { api, dataOf, type Schemas } from '../../api/client.ts';
import { useChange, useRead } from '../../api/queries.ts';

export type Account = Schemas['Account'];
export type AccountDraft = Schemas['AccountDraft'];
export type LedgerEntry = Schemas['LedgerEntry'];
export type LedgerEntryDraft = Schemas['LedgerEntryDraft'];

/** Accounts, a hundred at most on the page. */
export function useAccounts() {
  return {
    list: useRead(['accounts'], () => dataOf(api.GET('/api/v2/accounts', { params: { query: { size: 100 } } }))),
    save: useChange(
      'accounts',
      ({ id, body }: { id: string | undefined; body: AccountDraft }) =>
        id === undefined
          ? dataOf(api.POST('/api/v2/accounts', { body }))
          : dataOf(api.PUT('/api/v2/accounts/{id}', { params: { path: { id } }, body })),
      'done.saved',
    ),
    remove: useChange(
      'accounts',
      (id: string) => dataOf(api.DELETE('/api/v2/accounts/{id}', { params: { path: { id } } })),
      'done.deleted',
    ),
    book: useChange(
      'accounts',
      ({ id, body }: { id: string; body: LedgerEntryDraft }) =>
        dataOf(api.POST('/api/v2/accounts/{id}/entries', { params: { path: { id } }, body })),
      'done.saved',
    ),
  };
}

/** A page of the ledger of an account, the newest entry first. */
export function useLedger(id: string, filters: { readonly kind?: LedgerEntry['kind']; readonly cursor?: string }) {
  const query = { size: 20, ...filters };
  return useRead(['accounts', id, 'entries', query], () =>
    dataOf(api.GET('/api/v2/accounts/{id}/entries', { params: { path: { id }, query } })),
  );
}

/** A key under which an entry is booked once, however often the button is pressed. Also drawn on pages without TLS. */
export function newIdempotencyKey(): string {
  const parts = crypto.getRandomValues(new Uint32Array(4));
  return `dashboard-${[...parts].map((part) => part.toString(36)).join('')}`;
}
