import type { UsageReport } from '@ai-gateway/contracts';
import { tableOf } from './output.ts';

/** A report for a terminal: groups by their names, or ids where there are none, then the total. */
export function usageTable({ groupBy, items, totals, isTruncated }: UsageReport): string {
  const rows = items.map((row) => ({
    ...row,
    namespace: row.namespaceName ?? row.namespaceId,
    virtualKey: row.virtualKeyName ?? row.virtualKeyId,
    user: row.userName ?? row.userId,
    tenant: row.tenantName ?? row.tenantId,
    provider: row.providerName ?? row.providerId,
    hour: row.time,
    day: row.time?.slice(0, 10),
  }));
  const [first] = groupBy;
  if (first === undefined) return tableOf([totals], Object.keys(totals));
  const total = { ...totals, [first]: isTruncated ? 'total, with groups beyond the limit' : 'total' };
  return tableOf([...rows, total], [...groupBy, ...Object.keys(totals)]);
}
