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
  readonly sender: string | undefined;
}

interface Revision {
  readonly epoch: string;
  readonly revision: number;
}

/** What the gateways report, in memory. */
export interface LiveRates {
  /** `sender` is the address that the report came from, if it came from there. One that came before is passed over. */
  add(report: GatewayReport, sender: string | undefined, nowMs: number): void;
  /** Gateways that are live. */
  size(nowMs: number): number;
  /** Where each live gateway is reached, as far as that is known. */
  addresses(nowMs: number): readonly { readonly gatewayId: string; readonly url: string }[];
  namespaces(nowMs: number): readonly NamespaceLive[];
  /** Gateways beside the newest revision. */
  gateways(newest: Revision, nowMs: number): readonly GatewayRow[];
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
      const last = history.at(-1);
      const known = sender ?? last?.sender;
      if (last !== undefined && isRepeated(report, last.report)) {
        samples.set(`${gatewayId} ${instanceId}`, [...history.slice(0, -1), { ...last, sender: known }]);
        return;
      }
      const kept = history.filter(({ atMs }, index) => atMs > nowMs - RATE_SPAN_MS || index === history.length - 1);
      samples.set(`${gatewayId} ${instanceId}`, [...kept, { atMs: nowMs, report, sender: known }]);
    },
    size: (nowMs) => live(nowMs, LIVE_MS).length,
    addresses(nowMs) {
      return live(nowMs, LIVE_MS).flatMap((history) => {
        const last = history.at(-1);
        const url = last && urlOf(last);
        return url === undefined ? [] : [{ gatewayId: last?.report.gatewayId ?? '', url }];
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
    gateways(newest, nowMs) {
      return live(nowMs, FORGET_MS).flatMap((history) => {
        const last = history.at(-1);
        return last === undefined ? [] : [gatewayOf(last, history, newest)];
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

/** The same report, or an older one, that came on another way. */
function isRepeated({ reportedAtMs }: GatewayReport, last: GatewayReport): boolean {
  return reportedAtMs !== undefined && last.reportedAtMs !== undefined && reportedAtMs <= last.reportedAtMs;
}

function urlOf({ report, sender }: Sample): string | undefined {
  if (report.internalUrl !== undefined || sender === undefined) return report.internalUrl;
  const address = sender.replace(/^::ffff:/, '');
  return `http://${address.includes(':') ? `[${address}]` : address}:${report.port}`;
}

function gatewayOf({ atMs, report }: Sample, history: readonly Sample[], newest: Revision): GatewayRow {
  const { gatewayId, version, revision, refusedRevision, rulesAgeSeconds, unusableKeys, asideUpstreams, namespaces } =
    report;
  return {
    gatewayId,
    version,
    revision,
    state: stateOf(report, newest),
    ...(refusedRevision && { refusedRevision }),
    rulesAgeSeconds,
    unusableKeys,
    asideUpstreams,
    lastSeenAt: new Date(atMs).toISOString(),
    inFlight: namespaces.reduce((sum, { inFlight }) => sum + inFlight, 0),
    requestsPerSecond: ratesOf(history).reduce((sum, { requestsPerSecond }) => sum + requestsPerSecond, 0),
  };
}

function stateOf({ epoch, revision, refusedRevision }: GatewayReport, newest: Revision): GatewayRow['state'] {
  if (refusedRevision !== undefined) return 'refused';
  return epoch === newest.epoch && revision === newest.revision ? 'acknowledged' : 'behind';
}
