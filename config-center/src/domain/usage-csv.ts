import type { UsageDimension, UsageReport } from '@ai-gateway/contracts';

/** Columns of a dimension. */
export const USAGE_FIELDS = {
  namespace: ['namespaceId', 'namespaceName'],
  virtualKey: ['virtualKeyId', 'virtualKeyName'],
  user: ['userId', 'userName'],
  tenant: ['tenantId', 'tenantName'],
  provider: ['providerId', 'providerName'],
  model: ['model'],
  hour: ['time'],
  day: ['time'],
} as const satisfies Record<UsageDimension, readonly string[]>;

/** Rows of a report as CSV (RFC 4180) with a line of names. Texts that a spreadsheet would compute are kept from it. */
export function usageCsv({ groupBy, items, totals }: UsageReport): string {
  const columns = [...groupBy.flatMap((dimension) => USAGE_FIELDS[dimension]), ...Object.keys(totals)];
  const rows = items.map((row: Readonly<Record<string, unknown>>) => columns.map((name) => cellOf(row[name])));
  return [columns, ...rows].map((cells) => `${cells.join(',')}\r\n`).join('');
}

function cellOf(value: unknown): string {
  const text = safeOf(String(value ?? ''));
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** An apostrophe in front keeps spreadsheets from taking a text for a formula. No amount of a report is negative. */
function safeOf(text: string): string {
  return /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text;
}
