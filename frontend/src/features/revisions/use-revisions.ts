import { api, dataOf, type Schemas } from '../../api/client.ts';
import { useChange, useRead } from '../../api/queries.ts';

export type Revision = Schemas['Revision'];
export type RevisionDiff = Schemas['RevisionDiff'];

/** A page of revisions, newest first, and the way back to one. */
export function useRevisions(page: number) {
  const list = useRead(['revisions', page], () =>
    dataOf(api.GET('/api/v2/revisions', { params: { query: { page } } })),
  );
  const rollBack = useChange(
    'revisions',
    (revision: number) =>
      dataOf(api.POST('/api/v2/revisions/{revision}/rollback', { params: { path: { revision: String(revision) } } })),
    'done.saved',
  );
  return { list, rollBack };
}

/** What a revision changed. */
export function useRevisionDiff(before: number, after: number) {
  return useRead(['revisions', 'diff', before, after], () =>
    dataOf(
      api.GET('/api/v2/revisions/{before}/diff/{after}', {
        params: { path: { before: String(before), after: String(after) } },
      }),
    ),
  );
}
