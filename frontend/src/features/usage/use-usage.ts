import { api, dataOf, type Schemas } from '../../api/client.ts';
import { LIVE_MS, useRead } from '../../api/queries.ts';
import { queryOf, type UsageView } from './usage-view.ts';

export type Usage = Schemas['Usage'];
export type UsageRow = Schemas['UsageRow'];

/** Usage as a view asks for it; it follows what happens. */
export function useUsage(view: UsageView) {
  const query = queryOf(view, Date.now());
  return useRead(['usage', query], () => dataOf(api.GET('/api/v2/usage', { params: { query } })), 10 * LIVE_MS);
}

/** Address of the same as a table of all groups. */
export function usageTableUrl(view: UsageView): string {
  return `/api/v2/usage?${new URLSearchParams({ ...queryOf(view, Date.now()), format: 'csv' })}`;
}
