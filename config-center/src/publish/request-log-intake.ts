import type { RequestLogRecord } from '@ai-gateway/contracts';
import type { Kysely } from 'kysely';
import type { Schema } from '../db/connection.ts';
import { insertRequestLog } from '../db/request-log.ts';
import { addUsage } from '../db/usage.ts';

/** What has been written down so far. */
export interface IntakeTotals {
  /** Records, those that came twice included. */
  readonly records: number;
  /** Age of the newest request of the last batch when it was written, in seconds. */
  readonly lagSeconds: number;
}

/** Writes records of gateways down, however they came, and counts them. Rejects while the database is away. */
export type RequestLogIntake = ((records: readonly RequestLogRecord[]) => Promise<void>) & { totals(): IntakeTotals };

export function requestLogIntake(connection: Kysely<Schema>, nowMs: () => number): RequestLogIntake {
  let totals: IntakeTotals = { records: 0, lagSeconds: 0 };
  const intake = async (records: readonly RequestLogRecord[]) => {
    if (records.length === 0) return;
    await connection.transaction().execute(async (transaction) => {
      await addUsage(transaction, await insertRequestLog(transaction, records));
    });
    const newestMs = Math.max(...records.map(({ at, durationMs }) => Date.parse(at) + durationMs));
    totals = { records: totals.records + records.length, lagSeconds: Math.max(0, (nowMs() - newestMs) / 1000) };
  };
  return Object.assign(intake, { totals: () => totals });
}
