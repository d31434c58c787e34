import type { RequestLogRecord, SimulatedCounts, Simulation } from '@ai-gateway/contracts';

type Counts = { -readonly [Field in Exclude<keyof SimulatedCounts, 'actual'>]: number } & {
  actual: { refused: number; waited: number; waitedMs: number; cut: number };
};

/** What would have become of one request. */
export interface Fate {
  readonly record: RequestLogRecord;
  readonly isRefused: boolean;
  readonly waitedMs: number;
  readonly tokensLost: number;
}

/** First refusals that are listed of each policy. */
const LISTED_FIRST = 5;

const HOUR_MS = 3_600_000;

/** Sums fates by hour, key and policy. */
export interface Tally {
  add(fate: Fate): void;
  policy(policyId: string, what: 'refused' | 'observed' | 'cut', record: RequestLogRecord, atMs: number): void;
  sums(names: TallyNames): Pick<Simulation, 'total' | 'byHour' | 'byKey' | 'byPolicy'>;
}

export interface TallyNames {
  readonly keys: ReadonlyMap<string, string>;
  readonly policies: ReadonlyMap<string, string>;
}

export function tally(): Tally {
  const total = emptyCounts();
  const hours = new Map<number, Counts>();
  const keys = new Map<string | undefined, Counts>();
  const policies = new Map<string, Omit<Simulation['byPolicy'][number], 'policyName'>>();

  return {
    add(fate) {
      const hour = Math.floor(Date.parse(fate.record.at) / HOUR_MS) * HOUR_MS;
      for (const counts of [total, of(hours, hour), of(keys, fate.record.virtualKeyId)]) count(counts, fate);
    },
    policy(policyId, what, record, atMs) {
      const known = policies.get(policyId) ?? { policyId, refused: 0, observed: 0, cut: 0, first: [] };
      known[what]++;
      if (what === 'refused' && known.first.length < LISTED_FIRST) {
        known.first.push({ at: new Date(atMs).toISOString(), requestId: record.requestId });
      }
      policies.set(policyId, known);
    },
    sums: (names) => ({
      total,
      byHour: [...hours]
        .sort(([left], [right]) => left - right)
        .map(([hour, counts]) => ({ hour: new Date(hour).toISOString(), ...counts })),
      byKey: [...keys]
        .sort(([, left], [, right]) => right.requests - left.requests)
        .map(([virtualKeyId, counts]) => ({
          ...counts,
          ...(virtualKeyId !== undefined && { virtualKeyId, name: names.keys.get(virtualKeyId) ?? virtualKeyId }),
        })),
      byPolicy: [...policies.values()].map((one) => ({
        ...one,
        policyName: names.policies.get(one.policyId) ?? one.policyId,
      })),
    }),
  };
}

function count(counts: Counts, { record, isRefused, waitedMs, tokensLost }: Fate): void {
  counts.requests++;
  if (isRefused) counts.refused++;
  if (waitedMs > 0 && !isRefused) counts.waited++;
  counts.waitedMs += waitedMs;
  if (tokensLost > 0) counts.cut++;
  counts.tokensLost += tokensLost;
  if (record.outcome === 'refused') counts.actual.refused++;
  if (record.waitedMs > 0 && record.outcome !== 'refused') counts.actual.waited++;
  counts.actual.waitedMs += record.waitedMs;
  if (record.outcome === 'cut') counts.actual.cut++;
}

function of<Key>(all: Map<Key, Counts>, key: Key): Counts {
  const known = all.get(key);
  if (known !== undefined) return known;
  const counts = emptyCounts();
  all.set(key, counts);
  return counts;
}

function emptyCounts(): Counts {
  return {
    requests: 0,
    refused: 0,
    waited: 0,
    waitedMs: 0,
    cut: 0,
    tokensLost: 0,
    actual: { refused: 0, waited: 0, waitedMs: 0, cut: 0 },
  };
}
