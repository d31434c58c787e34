import type { OperatorSettings } from '@ai-gateway/contracts';
import { forgetAudit } from './audit.ts';
import type { Connection } from './connection.ts';
import { forgetRequestLog } from './request-log.ts';
import { forgetUsage } from './usage.ts';

const DAY_MS = 86_400_000;

/** Forgets what is older than the settings say. */
export async function forgetOld(
  connection: Connection,
  { auditDays, requestLogDays, usageDays }: Pick<OperatorSettings, 'auditDays' | 'requestLogDays' | 'usageDays'>,
  nowMs: number,
): Promise<void> {
  await forgetAudit(connection, nowMs - auditDays * DAY_MS);
  await forgetRequestLog(connection, nowMs - requestLogDays * DAY_MS);
  await forgetUsage(connection, nowMs - usageDays * DAY_MS);
}
