import type { TokenAmounts } from '../../domain/limits/amounts.ts';
import { differenceOf, entryOf, type Held, type HeldEntry } from '../../domain/limits/held.ts';
import type { Limit } from '../../domain/limits/plan.ts';
import type { ReserveRequest } from '../../domain/limits/reserve.ts';
import { bucketAt } from '../../domain/limits/token-window.ts';

/**
 * A reservation in Redis: the instant of admission, the numbers of limits that were not taken (observed ones without
 * room), and the rest as JSON with one entry per limit; rates have none.
 */
type RecordBody = Omit<Held, 'admittedMs' | 'entries' | 'reservationId'> & {
  readonly entries: readonly (HeldEntry | null)[];
};

/** The JSON of a reservation, before it is known what will be taken. */
export function recordOf(
  limits: readonly Limit[],
  { about, inputTokens, outputTokens, price }: ReserveRequest,
): string {
  const entries = limits.map((limit) => entryOf(limit) ?? null);
  return JSON.stringify({ about, inputTokens, outputTokens, price, entries } satisfies RecordBody);
}

/** The JSON of a reservation that is held. */
export function recordOfHeld({ about, inputTokens, outputTokens, price, entries }: Held): string {
  return JSON.stringify({ about, inputTokens, outputTokens, price, entries } satisfies RecordBody);
}

/** @throws SyntaxError when the record was not written by this version; then it cannot be settled by others */
export function heldIn(reservationId: string, record: string): Held {
  const [admittedMs = '0', skipped = '', body = ''] = record.split('\n');
  const isSkipped = new Set(
    skipped
      .split(',')
      .filter((part) => part !== '')
      .map(Number),
  );
  const { entries, ...rest } = JSON.parse(body) as RecordBody;
  return {
    ...rest,
    reservationId,
    admittedMs: Number(admittedMs),
    entries: entries.filter((entry, index): entry is HeldEntry => entry !== null && !isSkipped.has(index + 1)),
  };
}

/** What a script needs to change one entry: the bucket of the admission (empty for a slot) and the difference. */
export function changeOf(entry: HeldEntry, held: Held, to: TokenAmounts): readonly [string, string] {
  if (entry.kind === 'slot') return ['', '0'];
  return [String(bucketAt(entry, held.admittedMs)), String(differenceOf(entry, held, to, held.price))];
}
