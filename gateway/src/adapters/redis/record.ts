import {
  bucketAt,
  type Counts,
  differenceOf,
  entryOf,
  type Held,
  type HeldEntry,
  type Limit,
  type ReserveRequest,
  type TokenAmounts,
} from '@ai-gateway/limits';

/** A slot is its key, a window a row: key, what it counts, length, buckets, bound, 1 = observed. A rate leaves nothing. */
type Entry = string | readonly [string, Counts, number, number, number, 0 | 1] | null;

/**
 * A reservation in Redis: the instant of admission, the numbers of limits that were not taken (observed ones without
 * room), and the rest as JSON with one entry per limit. Short, because every request writes one.
 */
type RecordBody = Omit<Held, 'admittedMs' | 'entries' | 'reservationId'> & { readonly entries: readonly Entry[] };

/** The JSON of a reservation, before it is known what will be taken. */
export function recordOf(
  limits: readonly Limit[],
  { about, inputTokens, outputTokens, price }: ReserveRequest,
): string {
  const entries = limits.map((limit) => packed(entryOf(limit)));
  return JSON.stringify({ about, inputTokens, outputTokens, price, entries } satisfies RecordBody);
}

/** The JSON of a reservation that is held. */
export function recordOfHeld({ about, inputTokens, outputTokens, price, entries }: Held): string {
  return JSON.stringify({ about, inputTokens, outputTokens, price, entries: entries.map(packed) } satisfies RecordBody);
}

/**
 * The reservation in a record; `reserved` is its output now. Undefined when the record was not written by this version.
 */
export function heldIn(reservationId: string, record: string, reserved: string): Held | undefined {
  try {
    return { ...parsed(reservationId, record), outputTokens: Number(reserved) };
  } catch {
    return undefined;
  }
}

function parsed(reservationId: string, record: string): Held {
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
    entries: entries.flatMap((entry, index) => (entry === null || isSkipped.has(index + 1) ? [] : [unpacked(entry)])),
  };
}

/** What a script needs to change one entry: the bucket of the admission (empty for a slot) and the difference. */
export function changeOf(entry: HeldEntry, held: Held, to: TokenAmounts): readonly [string, string] {
  if (entry.kind === 'slot') return ['', '0'];
  return [String(bucketAt(entry, held.admittedMs)), String(differenceOf(entry, held, to, held.price))];
}

function packed(entry: HeldEntry | undefined): Entry {
  if (entry === undefined) return null;
  if (entry.kind === 'slot') return entry.key;
  const { key, counts, windowMs, buckets, max, isObserved } = entry;
  return [key, counts, windowMs, buckets, max, isObserved ? 1 : 0];
}

function unpacked(entry: NonNullable<Entry>): HeldEntry {
  if (typeof entry === 'string') return { kind: 'slot', key: entry };
  const [key, counts, windowMs, buckets, max, isObserved] = entry;
  return { kind: 'window', key, counts, windowMs, buckets, max, isObserved: isObserved === 1 };
}
