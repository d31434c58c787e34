import { z } from 'zod';
import { type AdminRoute, EVERYONE } from './admin-route.ts';

/** What usage can be summed by; `hour` and `day` are of UTC. */
export const usageDimension = z.enum(['namespace', 'virtualKey', 'user', 'tenant', 'provider', 'model', 'hour', 'day']);

/** What rows of usage can be sorted by. */
export const usageSort = z.enum([
  'time',
  'requests',
  'refused',
  'cut',
  'errors',
  'inputTokens',
  'outputTokens',
  'cost',
]);

/** Rows of usage that one answer holds at most. */
export const MAX_USAGE_ROWS = 10_000;

/** Sums over requests, by the hour of their arrival. */
export const usageSums = z.object({
  requests: z.number().int(),
  /** By a rule or a limit, before anything was sent. */
  refused: z.number().int(),
  /** At the output cap. */
  cut: z.number().int(),
  /** The provider failed, the answer broke off, or the gateway did. */
  errors: z.number().int(),
  inputTokens: z.number().int(),
  outputTokens: z.number().int(),
  /** What providers charge, by the prices when the requests were recorded. Not told to a `tenant_admin`. */
  cost: z.string().optional(),
  /** Requests that used tokens at no known price: `cost` lacks them. */
  unpricedRequests: z.number().int().optional(),
});

/** Sums of one group. Only what is grouped by is there, and not where the requests have none or the name is not known. */
export const usageRow = z.object({
  /** Begin of the hour or day. */
  time: z.iso.datetime().optional(),
  namespaceId: z.string().optional(),
  namespaceName: z.string().optional(),
  virtualKeyId: z.string().optional(),
  virtualKeyName: z.string().optional(),
  userId: z.string().optional(),
  userName: z.string().optional(),
  tenantId: z.string().optional(),
  tenantName: z.string().optional(),
  providerId: z.string().optional(),
  providerName: z.string().optional(),
  model: z.string().optional(),
  ...usageSums.shape,
});

/** Sums over the requests of a range. */
export const usageReport = z.object({
  /** The range as it was summed: `from` is included, `to` is not. */
  from: z.iso.datetime(),
  to: z.iso.datetime(),
  groupBy: z.array(usageDimension),
  items: z.array(usageRow),
  /** Over all groups, also those beyond the limit. */
  totals: usageSums,
  /** There are more groups than `limit`. */
  isTruncated: z.boolean(),
});

const id = z.string().max(40).optional();

/** Reports on usage. */
export const usageRoutes = {
  read: {
    method: 'get',
    path: '/usage',
    tag: 'usage',
    summary: 'Requests, tokens and cost of a range, by groups; `format=csv` or `Accept: text/csv` answers a table',
    query: z.object({
      groupBy: z
        .string()
        .max(100)
        .optional()
        .describe(`Up to four of ${usageDimension.options.join(', ')}, with commas between them`),
      from: z.iso
        .datetime({ offset: true })
        .optional()
        .describe('Included, and rounded down to the hour; a day before `to` unless said otherwise'),
      to: z.iso
        .datetime({ offset: true })
        .optional()
        .describe('Not included, and rounded up to the hour; now unless said otherwise'),
      namespaceId: id,
      virtualKeyId: id,
      userId: id,
      tenantId: id,
      providerId: id,
      model: z.string().max(200).optional(),
      sort: usageSort.optional().describe('`time` where hours or days are asked for, else `requests`'),
      order: z.enum(['asc', 'desc']).optional().describe('`asc` for `time`, else `desc`'),
      limit: z.coerce
        .number()
        .int()
        .min(1)
        .max(MAX_USAGE_ROWS)
        .optional()
        .describe('100 unless said otherwise; as a table all groups'),
      format: z.enum(['json', 'csv']).optional(),
    }),
    response: usageReport,
    access: EVERYONE,
  },
} as const satisfies Record<string, AdminRoute>;

export type UsageDimension = z.infer<typeof usageDimension>;
export type UsageSort = z.infer<typeof usageSort>;
export type UsageSums = z.infer<typeof usageSums>;
export type UsageRow = z.infer<typeof usageRow>;
export type UsageReport = z.infer<typeof usageReport>;
