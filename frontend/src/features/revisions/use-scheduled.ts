import { api, dataOf, type Schemas } from '../../api/client.ts';
import { LIVE_MS, useChange, useRead } from '../../api/queries.ts';

export type Scheduled = Schemas['Scheduled'];

/** The newest scheduled changes, and what cancels one that waits. */
export function useScheduled() {
  const list = useRead(['scheduled'], () => dataOf(api.GET('/api/v2/scheduled')), 5 * LIVE_MS);
  const cancel = useChange(
    'scheduled',
    (id: number) => dataOf(api.DELETE('/api/v2/scheduled/{id}', { params: { path: { id: String(id) } } })),
    'done.saved',
  );
  return { list, cancel };
}
