import { outcomeKind } from '@ai-gateway/contracts';
import type { Schemas } from '../../api/client.ts';

/** What a page of the log is asked by; times as in ISO 8601. */
export interface Filters {
  readonly requestId?: string;
  readonly namespaceId?: string;
  readonly model?: string;
  readonly status?: number;
  readonly outcome?: Schemas['RequestLog']['outcome'];
  readonly from?: string;
  readonly to?: string;
  readonly cursor?: string;
}

/** Reads the filters of an address; what cannot be one is left out. */
export function filtersIn(search: URLSearchParams): Filters {
  const outcome = outcomeKind.safeParse(search.get('outcome'));
  const status = Number(search.get('status'));
  return {
    ...textsIn(search, ['requestId', 'namespaceId', 'model', 'cursor']),
    ...(Number.isInteger(status) && status > 0 && { status }),
    ...(outcome.success && { outcome: outcome.data }),
    ...timeIn(search, 'from'),
    ...timeIn(search, 'to'),
  };
}

/** The filters as they stand in an address; what is empty is left out. */
export function searchOf(filters: Filters): Record<string, string> {
  const given = Object.entries(filters).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return Object.fromEntries(given.map(([name, value]) => [name, String(value).trim()]));
}

function textsIn(search: URLSearchParams, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, search.get(name) ?? '']).filter(([, text]) => text !== ''));
}

function timeIn(search: URLSearchParams, name: 'from' | 'to'): Record<string, string> {
  const atMs = Date.parse(search.get(name) ?? '');
  return Number.isNaN(atMs) ? {} : { [name]: new Date(atMs).toISOString() };
}
