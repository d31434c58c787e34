import {
  ADMIN_API,
  amountOf,
  MAX_USAGE_ROWS,
  type UsageDimension,
  type UsageReport,
  type UsageRow,
  type UsageSums,
} from '@ai-gateway/contracts';
import type { Express, Request, RequestHandler } from 'express';
import { sessionFor } from '../auth/authorize.ts';
import type { Store } from '../db/store.ts';
import { readUsage, readUsageTotals, type UsageGroup } from '../db/usage.ts';
import { type UsageNames, usageNames } from '../db/usage-names.ts';
import { USAGE_FIELDS, usageCsv } from '../domain/usage-csv.ts';
import { totalsOver, type UsageTotals } from '../domain/usage-hours.ts';
import { tooManyGroups, usageQuestion } from '../domain/usage-question.ts';
import { handle } from './handle.ts';

export interface UsageOptions {
  readonly store: Store;
  readonly authorize: RequestHandler;
  readonly nowMs: () => number;
}

const DEFAULT_LIMIT = 100;

/** Reports on usage. A `tenant_admin` sees its tenant's, without what providers charge. */
export function usageRoutes(app: Express, { store, authorize, nowMs }: UsageOptions): void {
  handle(app, ADMIN_API.usage.read, authorize, async ({ query, request, response }) => {
    const { tenantId } = sessionFor(response);
    const isTable = wantsCsv(request);
    const defaultLimit = isTable ? MAX_USAGE_ROWS : DEFAULT_LIMIT;
    const question = usageQuestion(query, { tenantId, nowMs: nowMs(), defaultLimit });
    const found = await readUsage(store.connection, { ...question, limit: question.limit + 1 });
    const isTruncated = found.length > question.limit;
    if (isTable && isTruncated && query.limit === undefined) throw tooManyGroups();
    const groups = found.slice(0, question.limit);
    const names = await usageNames(store.connection, groups, tenantId);
    const sums = sumsFor(tenantId);
    const report: UsageReport = {
      from: instantOf(question.fromMs),
      to: instantOf(question.toMs),
      groupBy: [...question.groupBy],
      items: groups.map((group) => ({ ...labelsOf(group, names), ...sums(group) })),
      totals: sums(isTruncated ? await readUsageTotals(store.connection, question) : totalsOver(groups)),
      isTruncated,
    };
    if (isTable) response.attachment('usage.csv').type('text/csv').send(usageCsv(report));
    return report;
  });
}

/** What a group is of, as it is shown: ids with the names that are known. */
function labelsOf({ group }: UsageGroup, names: UsageNames): Partial<UsageRow> {
  const labels = Object.entries(group).flatMap(([dimension, value]) => {
    // The names of a group are dimensions.
    const [field, nameField] = USAGE_FIELDS[dimension as UsageDimension];
    if (field === 'time') return [[field, instantOf(Number(value))]];
    const name = names[dimension as UsageDimension]?.get(value);
    return [[field, value], ...(nameField === undefined || name === undefined ? [] : [[nameField, name]])];
  });
  return Object.fromEntries(labels.filter(([, value]) => value !== ''));
}

/** Sums as a caller may see them. */
function sumsFor(tenantId: string | undefined): (totals: UsageTotals) => UsageSums {
  return ({ requests, refused, cut, errors, inputTokens, outputTokens, costNanos, unpriced }) => ({
    requests,
    refused,
    cut,
    errors,
    inputTokens,
    outputTokens,
    ...(tenantId === undefined && { cost: amountOf(costNanos), unpricedRequests: unpriced }),
  });
}

function instantOf(ms: number): string {
  return new Date(ms).toISOString();
}

function wantsCsv({ query, headers }: Request): boolean {
  if (query.format !== undefined) return query.format === 'csv';
  return /\btext\/csv\b/.test(headers.accept ?? '');
}
