import { costNanos, type RequestLogRecord, tokenPriceOf } from '@ai-gateway/contracts';
import { type PriceIndex, priceOf } from '@ai-gateway/limits';

/** Sums over the requests of one hour that agree in all ids; an id that they have not is empty. */
export interface UsageHour {
  /** Begin of the hour, ms. */
  readonly hourMs: number;
  readonly namespaceId: string;
  readonly virtualKeyId: string;
  readonly userId: string;
  readonly tenantId: string;
  readonly providerId: string;
  readonly model: string;
  readonly requests: number;
  readonly refused: number;
  readonly cut: number;
  readonly errors: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costNanos: bigint;
  /** Requests that used tokens and have no price. */
  readonly unpriced: number;
}

export const HOUR_MS = 3_600_000;

type Outcome = RequestLogRecord['outcome'];

const ERRORS: ReadonlySet<Outcome> = new Set<Outcome>(['upstream_failed', 'partial', 'crashed']);

/** Sums over many hours. */
export type UsageTotals = Omit<UsageHour, 'hourMs' | `${string}Id` | 'model'>;

const NOTHING: UsageTotals = {
  requests: 0,
  refused: 0,
  cut: 0,
  errors: 0,
  inputTokens: 0,
  outputTokens: 0,
  costNanos: 0n,
  unpriced: 0,
};

/** What records add to the sums of their hours, at the given prices. */
export function usageHours(records: readonly RequestLogRecord[], prices: PriceIndex): readonly UsageHour[] {
  const hours = new Map<string, UsageHour>();
  for (const record of records) {
    const one = usageOf(record, prices);
    const key = keyOf(one);
    const known = hours.get(key);
    hours.set(key, known === undefined ? one : { ...one, ...sumOf(known, one) });
  }
  return [...hours.values()];
}

/** The sums of several sums. */
export function totalsOver(sums: readonly UsageTotals[]): UsageTotals {
  return sums.reduce(sumOf, NOTHING);
}

function usageOf(record: RequestLogRecord, prices: PriceIndex): UsageHour {
  const { providerId = '', resolvedModel, inputTokens, outputTokens, outcome } = record;
  const hasTokens = inputTokens + outputTokens > 0;
  const price = hasTokens ? priceOf(prices, providerId, resolvedModel) : undefined;
  const atMs = Date.parse(record.at);
  return {
    hourMs: atMs - (atMs % HOUR_MS),
    namespaceId: record.namespaceId ?? '',
    virtualKeyId: record.virtualKeyId ?? '',
    userId: record.userId ?? '',
    tenantId: record.tenantId ?? '',
    providerId,
    // Clients write what they like into a request that is refused: only names that the rules list, or that were served.
    model: hasTokens ? resolvedModel : (record.listedModel ?? ''),
    requests: 1,
    refused: Number(outcome === 'refused'),
    cut: Number(outcome === 'cut'),
    errors: Number(ERRORS.has(outcome)),
    inputTokens,
    outputTokens,
    costNanos: price === undefined ? 0n : costNanos({ inputTokens, outputTokens }, tokenPriceOf(price)),
    unpriced: Number(hasTokens && price === undefined),
  };
}

function keyOf({ hourMs, namespaceId, virtualKeyId, userId, tenantId, providerId, model }: UsageHour): string {
  return JSON.stringify([hourMs, namespaceId, virtualKeyId, userId, tenantId, providerId, model]);
}

function sumOf(left: UsageTotals, right: UsageTotals): UsageTotals {
  return {
    requests: left.requests + right.requests,
    refused: left.refused + right.refused,
    cut: left.cut + right.cut,
    errors: left.errors + right.errors,
    inputTokens: left.inputTokens + right.inputTokens,
    outputTokens: left.outputTokens + right.outputTokens,
    costNanos: left.costNanos + right.costNanos,
    unpriced: left.unpriced + right.unpriced,
  };
}
