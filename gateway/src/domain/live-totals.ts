import type { NamespaceTotals } from '@ai-gateway/contracts';
import type { Outcome } from './outcome.ts';

type Totals = { -readonly [Field in keyof NamespaceTotals]: NamespaceTotals[Field] };

/** Running totals per namespace since the start of the process; bounded by the namespaces that the rules name. */
export interface LiveTotals {
  started(namespaceId: string): void;
  ended(namespaceId: string): void;
  add(namespaceId: string, outcome: Outcome): void;
  all(): readonly NamespaceTotals[];
}

export function liveTotals(): LiveTotals {
  const byNamespace = new Map<string, Totals>();

  function of(namespaceId: string): Totals {
    const known = byNamespace.get(namespaceId);
    if (known !== undefined) return known;
    const totals = { namespaceId, requests: 0, refused: 0, failed: 0, inputTokens: 0, outputTokens: 0, inFlight: 0 };
    byNamespace.set(namespaceId, totals);
    return totals;
  }

  return {
    started(namespaceId) {
      of(namespaceId).inFlight++;
    },
    ended(namespaceId) {
      of(namespaceId).inFlight--;
    },
    add(namespaceId, { kind, usage }) {
      const totals = of(namespaceId);
      totals.requests++;
      if (kind === 'refused') totals.refused++;
      if (kind === 'upstream_failed' || kind === 'partial' || kind === 'crashed') totals.failed++;
      totals.inputTokens += usage.inputTokens;
      totals.outputTokens += usage.outputTokens;
    },
    all: () => [...byNamespace.values()],
  };
}
