import type { RequestLogRecord } from '@ai-gateway/contracts';
import type { Kysely } from 'kysely';
import type { Schema } from '../db/connection.ts';
import { postCharges } from '../db/ledger.ts';
import { insertRequestLog } from '../db/request-log.ts';
import { addUsage } from '../db/usage.ts';
import { chargesIn } from '../domain/charges.ts';

/** What has been written down so far. */
export interface IntakeTotals {
  /** Records, those that came twice included. */
  readonly records: number;
  /** Age of the newest request of the last batch when it was written, in seconds. */
  readonly lagSeconds: number;
}

/** Writes records of gateways down, however they came, and counts them. Rejects while the database is away. */
export type RequestLogIntake = ((records: readonly RequestLogRecord[]) => Promise<void>) & { totals(): IntakeTotals };

/**
 * What requests are charged is posted in the transaction that writes them down, so that each is done once or not at all.
 * @param onCharged is told whose balances may have moved; when it rejects, the records are to be told again
 */
export function requestLogIntake(
  connection: Kysely<Schema>,
  nowMs: () => number,
  onCharged: (accountIds: readonly string[]) => Promise<void> = async () => {},
): RequestLogIntake {
  let totals: IntakeTotals = { records: 0, lagSeconds: 0 };
  const intake = async (records: readonly RequestLogRecord[]) => {
    if (records.length === 0) return;
    await connection.transaction().execute(async (transaction) => {
      const added = await insertRequestLog(transaction, records);
      await addUsage(transaction, added);
      await postCharges(transaction, chargesIn(added), new Date(nowMs()).toISOString());
    });
    // Also of those that came before: whoever wrote them down may have ended before this.
    const charged = [...chargesIn(records).keys()];
    if (charged.length > 0) await onCharged(charged);
    const newestMs = Math.max(...records.map(({ at, durationMs }) => Date.parse(at) + durationMs));
    totals = { records: totals.records + records.length, lagSeconds: Math.max(0, (nowMs() - newestMs) / 1000) };
  };
  return Object.assign(intake, { totals: () => totals });
}
