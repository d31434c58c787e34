import {
  type ADMIN_API,
  MAX_USAGE_ROWS,
  type UsageDimension,
  type UsageSort,
  usageDimension,
} from '@ai-gateway/contracts';
import type { z } from 'zod';
import { Refusal } from './faults.ts';
import { HOUR_MS } from './usage-hours.ts';

/** Ids that usage can be narrowed to. */
export interface UsageFilters {
  readonly namespaceId?: string | undefined;
  readonly virtualKeyId?: string | undefined;
  readonly userId?: string | undefined;
  readonly tenantId?: string | undefined;
  readonly providerId?: string | undefined;
  readonly model?: string | undefined;
}

/** A question that has been checked. Instants (ms) are on whole hours; `toMs` is not included. */
export interface UsageQuestion {
  readonly fromMs: number;
  readonly toMs: number;
  readonly filters: UsageFilters;
  readonly groupBy: readonly UsageDimension[];
  readonly sort: UsageSort;
  readonly order: 'asc' | 'desc';
  /** Rows at most. */
  readonly limit: number;
}

/** What a caller asks for, as the contract shapes it. */
export type AskedUsage = z.infer<(typeof ADMIN_API)['usage']['read']['query']>;

export interface UsageAsker {
  /** Of a `tenant_admin`, who sees no other tenant and no cost. */
  readonly tenantId: string | undefined;
  readonly nowMs: number;
  /** Rows where the caller does not say how many. */
  readonly defaultLimit: number;
}

const DAY_MS = 24 * HOUR_MS;
const MAX_DAYS = 400;
const MAX_DAYS_BY_HOUR = 31;
const MAX_DIMENSIONS = 4;

/** @throws Refusal 400 or 403 that names the field at fault */
export function usageQuestion(asked: AskedUsage, { tenantId, nowMs, defaultLimit }: UsageAsker): UsageQuestion {
  const { namespaceId, virtualKeyId, userId, providerId, model, limit = defaultLimit } = asked;
  if (tenantId !== undefined && asked.tenantId !== undefined && asked.tenantId !== tenantId)
    throw refusal(403, 'tenantId', 'Your role sees the usage of its own tenant alone.');
  if (tenantId !== undefined && asked.sort === 'cost') throw refusal(403, 'sort', 'Your role does not see cost.');
  const groupBy = dimensionsIn(asked.groupBy ?? '');
  const hasTime = groupBy.some(isTime);
  const sort = asked.sort ?? (hasTime ? 'time' : 'requests');
  return {
    ...rangeOf(asked, groupBy, nowMs),
    filters: { namespaceId, virtualKeyId, userId, tenantId: tenantId ?? asked.tenantId, providerId, model },
    groupBy,
    sort,
    order: asked.order ?? (sort === 'time' ? 'asc' : 'desc'),
    limit,
  };
}

/** Says that a table of all groups would be too long. */
export function tooManyGroups(): Refusal {
  const message = `There are more than ${MAX_USAGE_ROWS} groups: narrow the range, filter, or set a limit.`;
  return refusal(400, 'groupBy', message);
}

function dimensionsIn(text: string): readonly UsageDimension[] {
  const names = text.split(',').flatMap((name) => (name.trim() === '' ? [] : [name.trim()]));
  const dimensions = names.map((name) => {
    const { success, data } = usageDimension.safeParse(name);
    if (success) return data;
    throw refusal(400, 'groupBy', `"${name}" is not one of ${usageDimension.options.join(', ')}.`);
  });
  if (dimensions.length > MAX_DIMENSIONS) throw refusal(400, 'groupBy', `At most ${MAX_DIMENSIONS} can be combined.`);
  if (new Set(dimensions).size < dimensions.length) throw refusal(400, 'groupBy', 'Each can be named once.');
  if (dimensions.filter(isTime).length > 1) throw refusal(400, 'groupBy', 'Either hour or day, not both.');
  return dimensions;
}

const isTime = (dimension: UsageDimension) => dimension === 'hour' || dimension === 'day';

/** Whole hours that hold what is asked for. */
function rangeOf({ from, to }: AskedUsage, groupBy: readonly UsageDimension[], nowMs: number) {
  const toMs = Math.ceil((to === undefined ? nowMs : Date.parse(to)) / HOUR_MS) * HOUR_MS;
  const fromMs = from === undefined ? toMs - DAY_MS : Math.floor(Date.parse(from) / HOUR_MS) * HOUR_MS;
  if (fromMs >= toMs) throw refusal(400, 'from', 'It is not before the end of the range.');
  const maxDays = groupBy.includes('hour') ? MAX_DAYS_BY_HOUR : MAX_DAYS;
  if (toMs - fromMs > maxDays * DAY_MS)
    throw refusal(
      400,
      'from',
      `The range is longer than ${maxDays} days${groupBy.includes('hour') ? ', the most by hour' : ''}.`,
    );
  return { fromMs, toMs };
}

function refusal(status: 400 | 403, path: string, message: string): Refusal {
  return new Refusal(status, status === 403 ? 'Your role may not do this.' : 'The request is not valid.', [
    { path, message },
  ]);
}
