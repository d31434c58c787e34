import { costNanos, nanosOf, type RequestLogRecord, tokenPriceOf } from '@ai-gateway/contracts';

/** What one request costs its payer. */
export interface Charge {
  readonly accountId: string;
  /** Above zero, nano-units. */
  readonly nanos: bigint;
  readonly record: RequestLogRecord;
}

/** Amounts beyond are no money any more; integers of databases end somewhat later. Nano-units. */
const MOST_NANOS = 9_000_000_000_000_000_000n;

/** The charges of records, each once, those of one account together; records without terms, tokens or a price cost nothing. */
export function chargesIn(records: readonly RequestLogRecord[]): ReadonlyMap<string, readonly Charge[]> {
  const each = new Map(records.map((record) => [record.recordId, record]));
  return Map.groupBy([...each.values()].flatMap(chargeOf), ({ accountId }) => accountId);
}

/** The balance after a movement, within what databases can hold. */
export function balanceAfter(balance: bigint, nanos: bigint): bigint {
  const sum = balance + nanos;
  if (sum > MOST_NANOS) return MOST_NANOS;
  return sum < -MOST_NANOS ? -MOST_NANOS : sum;
}

function chargeOf(record: RequestLogRecord): readonly Charge[] {
  if (record.charge === undefined) return [];
  const nanos = costNanos(record, tokenPriceOf(record.charge));
  return nanos > 0n ? [{ accountId: record.charge.accountId, nanos, record }] : [];
}

/** The first field in which a booking differs from the one that has its idempotency key; undefined when it is the same. */
export function differenceOf(
  wanted: { readonly kind: string; readonly amount: string; readonly note?: string | undefined },
  booked: { readonly kind: string; readonly amount: string; readonly note?: string | undefined },
): 'kind' | 'amount' | 'note' | undefined {
  if (wanted.kind !== booked.kind) return 'kind';
  if (nanosOf(wanted.amount) !== nanosOf(booked.amount)) return 'amount';
  return (wanted.note ?? '') === (booked.note ?? '') ? undefined : 'note';
}
