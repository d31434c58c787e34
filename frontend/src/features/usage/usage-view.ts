import { type UsageDimension, type UsageSort, usageDimension, usageSort } from '@ai-gateway/contracts';

/** Ranges that end now, in days. */
export const RANGES = [1, 7, 30, 90] as const;

/** What the page shows, as its address holds it; times as in ISO 8601. */
export interface UsageView {
  readonly days: (typeof RANGES)[number];
  /** Stand in place of the days. */
  readonly from?: string;
  readonly to?: string;
  readonly groupBy: readonly UsageDimension[];
  readonly namespaceId?: string;
  readonly model?: string;
  readonly sort?: UsageSort;
  readonly order?: 'asc' | 'desc';
}

const HOUR_MS = 3_600_000;

/** Reads an address; what cannot be part of a view is left out. */
export function viewIn(search: URLSearchParams): UsageView {
  const sort = usageSort.safeParse(search.get('sort'));
  const order = search.get('order');
  const text = (name: 'namespaceId' | 'model') => (search.get(name) ? { [name]: search.get(name) } : {});
  const time = (name: 'from' | 'to') => {
    const atMs = Date.parse(search.get(name) ?? '');
    return Number.isNaN(atMs) ? {} : { [name]: new Date(atMs).toISOString() };
  };
  const named = (search.get('groupBy') ?? 'model').split(',').map((name) => usageDimension.safeParse(name));
  return {
    days: RANGES.find((days) => String(days) === search.get('days')) ?? 1,
    ...time('from'),
    ...time('to'),
    groupBy: named.flatMap(({ data }) => data ?? []),
    ...text('namespaceId'),
    ...text('model'),
    ...(sort.success && { sort: sort.data }),
    ...((order === 'asc' || order === 'desc') && { order }),
  };
}

/** A view as it stands in the address. */
export function searchOf({ groupBy, days, ...others }: UsageView): Record<string, string> {
  const given = Object.entries({ ...others, days: String(days) }).filter(([, value]) => value);
  return {
    ...Object.fromEntries(given.map(([name, value]) => [name, String(value).trim()])),
    groupBy: groupBy.join(','),
  };
}

/** What the config center is asked. The range moves once an hour, so that the question stays the same until then. */
export function queryOf({ days, from, to, groupBy, ...others }: UsageView, nowMs: number) {
  const endMs = to === undefined ? Math.ceil(nowMs / HOUR_MS) * HOUR_MS : Date.parse(to);
  return {
    ...others,
    from: from ?? new Date(endMs - days * 24 * HOUR_MS).toISOString(),
    to: new Date(endMs).toISOString(),
    ...(groupBy.length > 0 && { groupBy: groupBy.join(',') }),
  };
}
