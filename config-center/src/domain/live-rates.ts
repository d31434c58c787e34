import type { GatewayReport, GatewayRow, NamespaceLive, NamespaceTotals } from '@ai-gateway/contracts';

/** Rates are differences over about this long, so that a dashboard neither flickers nor lags. */
const RATE_SPAN_MS = 3_000;

/** A gateway that has not reported for so long does not count as live, and is forgotten after the second. */
const LIVE_MS = 5_000;
const FORGET_MS = 60_000;

/** Reports come every second; a namesake that has missed two of them is not running any more. */
const SILENT_MS = 2_500;

/** More gateways than any fleet has; a bound, because ids come from outside. */
const MAX_GATEWAYS = 1_000;

interface Sample {
  readonly atMs: number;
  readonly report: GatewayReport;
  readonly sender: string;
}

/** What the gateways report, in memory. */
export interface LiveRates {
  /** `sender` is the address that the report came from. */
  add(report: GatewayReport, sender: string, nowMs: number): void;
  /** Where each live gateway is reached. */
  addresses(nowMs: number): readonly { readonly gatewayId: string; readonly url: string }[];
  namespaces(nowMs: number): readonly NamespaceLive[];
  gateways(nowMs: number): readonly GatewayRow[];
}

export function liveRates(): LiveRates {
  const samples = new Map<string, Sample[]>();

  function live(nowMs: number, withinMs: number): Sample[][] {
    for (const [key, history] of samples) {
      if ((history.at(-1)?.atMs ?? 0) < nowMs - FORGET_MS) samples.delete(key);
    }
    return [...samples.values()].filter((history) => (history.at(-1)?.atMs ?? 0) >= nowMs - withinMs);
  }

  /** Instances of the same name that have fallen silent: the gateway was started anew. */
  function forgetPredecessors(gatewayId: string, instanceId: string, nowMs: number): void {
    for (const [key, history] of samples) {
      const last = history.at(-1);
      if (last === undefined || last.report.gatewayId !== gatewayId || last.report.instanceId === instanceId) continue;
      if (last.atMs < nowMs - SILENT_MS) samples.delete(key);
    }
  }

  return {
    add(report, sender, nowMs) {
      // A restarted gateway counts from zero again, and two may share a name by mistake: each instance is one.
      const { gatewayId, instanceId } = report;
      forgetPredecessors(gatewayId, instanceId, nowMs);
      const history = samples.get(`${gatewayId} ${instanceId}`) ?? [];
      if (history.length === 0 && samples.size >= MAX_GATEWAYS) return;
      const kept = history.filter(({ atMs }, index) => atMs > nowMs - RATE_SPAN_MS || index === history.length - 1);
      samples.set(`${gatewayId} ${instanceId}`, [...kept, { atMs: nowMs, report, sender }]);
    },
    addresses(nowMs) {
      return live(nowMs, LIVE_MS).flatMap((history) => {
        const last = history.at(-1);
        return last === undefined ? [] : [{ gatewayId: last.report.gatewayId, url: urlOf(last) }];
      });
    },
    namespaces(nowMs) {
      const sums = new Map<string, NamespaceLive>();
      for (const history of live(nowMs, LIVE_MS)) {
        for (const rates of ratesOf(history)) {
          const sum = sums.get(rates.namespaceId);
          sums.set(rates.namespaceId, sum === undefined ? rates : added(sum, rates));
        }
      }
      return [...sums.values()];
    },
    gateways(nowMs) {
      return live(nowMs, FORGET_MS).flatMap((history) => {
        const last = history.at(-1);
        return last === undefined ? [] : [gatewayOf(last)];
      });
    },
  };
}

function ratesOf(history: readonly Sample[]): NamespaceLive[] {
  const first = history[0];
  const last = history.at(-1);
  if (first === undefined || last === undefined) return [];
  const seconds = (last.atMs - first.atMs) / 1000;
  const before = new Map(first.report.namespaces.map((totals) => [totals.namespaceId, totals]));
  return last.report.namespaces.map((totals) => {
    const start = before.get(totals.namespaceId);
    const rate = (field: keyof Omit<NamespaceTotals, 'namespaceId'>) =>
      seconds === 0 ? 0 : Math.max(0, (totals[field] - (start?.[field] ?? 0)) / seconds);
    return {
      ...totals,
      requestsPerSecond: rate('requests'),
      refusedPerSecond: rate('refused'),
      inputTokensPerSecond: rate('inputTokens'),
      outputTokensPerSecond: rate('outputTokens'),
    };
  });
}

function added(left: NamespaceLive, right: NamespaceLive): NamespaceLive {
  return {
    namespaceId: left.namespaceId,
    requestsPerSecond: left.requestsPerSecond + right.requestsPerSecond,
    refusedPerSecond: left.refusedPerSecond + right.refusedPerSecond,
    inputTokensPerSecond: left.inputTokensPerSecond + right.inputTokensPerSecond,
    outputTokensPerSecond: left.outputTokensPerSecond + right.outputTokensPerSecond,
    inFlight: left.inFlight + right.inFlight,
    requests: left.requests + right.requests,
    refused: left.refused + right.refused,
    failed: left.failed + right.failed,
    inputTokens: left.inputTokens + right.inputTokens,
    outputTokens: left.outputTokens + right.outputTokens,
  };
}

function urlOf({ report, sender }: Sample): string {
  if (report.internalUrl !== undefined) return report.internalUrl;
  const address = sender.replace(/^::ffff:/, '');
  return `http://${address.includes(':') ? `[${address}]` : address}:${report.port}`;
}

function gatewayOf({ atMs, report }: Sample): GatewayRow {
  const { gatewayId, version, revision, refusedRevision } = report;
  return {
    gatewayId,
    version,
    revision,
    ...(refusedRevision && { refusedRevision }),
    lastSeenAt: new Date(atMs).toISOString(),
    inFlight: report.namespaces.reduce((sum, { inFlight }) => sum + inFlight, 0),
  };
}
