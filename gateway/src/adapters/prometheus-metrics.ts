import { GATEWAY_METRICS, type GatewayMetric } from '@ai-gateway/contracts';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { LiveTotals } from '../domain/live-totals.ts';
import type { Metrics } from '../services.ts';

/** Values that are read when somebody scrapes. */
export interface Probes {
  readonly revision: () => number;
  readonly rulesAgeSeconds: () => number;
  readonly requestLogWaiting: () => number;
}

type HistogramMetric = {
  [Name in GatewayMetric]: (typeof GATEWAY_METRICS)[Name]['kind'] extends 'histogram' ? Name : never;
}[GatewayMetric];

/** Metrics on prom-client, named and labelled by the catalogue in contracts. */
export function prometheusMetrics(totals: LiveTotals, probes: Probes): Metrics & { readonly registry: Registry } {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'gateway_' });
  const { counter, gauge, histogram } = makers(registry);
  const refusals = counter('gateway_refusals_total');
  const attempts = counter('gateway_upstream_attempts_total');
  const cacheResults = counter('gateway_cache_total');
  const tokenCounts = counter('gateway_token_counts_total');
  const tokenDrift = histogram('gateway_token_drift_ratio');
  const inFlight = gauge('gateway_in_flight');
  const upstreamUp = gauge('gateway_upstream_up');
  gauge('gateway_rules_revision', probes.revision);
  gauge('gateway_rules_age_seconds', probes.rulesAgeSeconds);
  gauge('gateway_request_log_waiting', probes.requestLogWaiting);
  const logged = counter('gateway_request_log_records_total');
  // A series that appears with its first increment hides that one from increase().
  for (const result of ['shipped', 'dropped']) logged.inc({ result }, 0);

  return {
    registry,
    started(namespaceId, namespace) {
      totals.started(namespaceId);
      inFlight.inc({ namespace });
    },
    ended(namespaceId, namespace) {
      totals.ended(namespaceId);
      inFlight.dec({ namespace });
    },
    request: requestMetrics(registry, totals),
    refusal(namespace, { policyId, kind, isObserved }) {
      refusals.inc({ namespace, policy: policyId, kind, observed: String(isObserved) });
    },
    tokenCount(purpose, result) {
      tokenCounts.inc({ purpose, result });
    },
    tokenDrift(model, { direction, exact, counted, reported }) {
      tokenDrift.observe({ model, direction, exact: String(exact) }, reported / counted);
    },
    cache(namespace, result) {
      cacheResults.inc({ namespace, result });
    },
    attempt(provider, upstream, result) {
      attempts.inc({ provider, upstream, result });
    },
    limiter: limiterMetrics(registry),
    requestLog(result, records) {
      logged.inc({ result }, records);
    },
    upstreamUp(provider, upstream, isUp) {
      upstreamUp.set({ provider, upstream }, isUp ? 1 : 0);
    },
  };
}

function limiterMetrics(registry: Registry): Metrics['limiter'] {
  const { counter, gauge, histogram } = makers(registry);
  const up = gauge('gateway_limiter_up');
  const seconds = histogram('gateway_limiter_seconds');
  const failures = counter('gateway_limiter_failures_total');
  const degraded = counter('gateway_limiter_degraded_total');
  up.set(1);
  // A series that appears with its first increment hides that one from increase().
  for (const mode of ['local', 'open', 'closed']) degraded.inc({ mode }, 0);
  return (event) => {
    switch (event.kind) {
      case 'asked':
        seconds.observe(event.seconds);
        return;
      case 'failed':
        failures.inc();
        return;
      case 'up':
      case 'down':
        up.set(event.kind === 'up' ? 1 : 0);
        return;
      case 'degraded':
        degraded.inc({ mode: event.mode });
        return;
      default:
        event satisfies never;
    }
  };
}

/** What is counted once per request, at its end. */
function requestMetrics(registry: Registry, totals: LiveTotals): Metrics['request'] {
  const { counter, histogram } = makers(registry);
  const requests = counter('gateway_requests_total');
  const tokens = counter('gateway_tokens_total');
  const errors = counter('gateway_errors_total');
  const outcomes = counter('gateway_outcomes_total');
  const bytes = counter('gateway_passthrough_bytes_total');
  const duration = histogram('gateway_request_duration_seconds');
  const firstByte = histogram('gateway_first_byte_seconds');
  const overhead = histogram('gateway_overhead_seconds');
  return (record) => {
    const { namespace, modelLabel: model, outcome } = record;
    const { inputTokens, outputTokens, source } = outcome.usage;
    if (record.namespaceId !== undefined) totals.add(record.namespaceId, outcome);
    requests.inc({ namespace, model, status: String(outcome.status) });
    outcomes.inc({ namespace, outcome: outcome.kind });
    if (outcome.errorCode !== undefined) errors.inc({ namespace, code: outcome.errorCode });
    if (inputTokens > 0) tokens.inc({ namespace, model, direction: 'input', source }, inputTokens);
    if (outputTokens > 0) tokens.inc({ namespace, model, direction: 'output', source }, outputTokens);
    bytes.inc({ namespace, direction: 'in' }, record.bytesIn ?? 0);
    bytes.inc({ namespace, direction: 'out' }, record.bytesOut ?? 0);
    duration.observe({ namespace, stream: String(record.isStream) }, record.durationMs / 1000);
    if (record.firstByteMs !== undefined) firstByte.observe({ namespace }, record.firstByteMs / 1000);
    if (record.overheadMs !== undefined) overhead.observe({ namespace }, record.overheadMs / 1000);
  };
}

/** Makes metrics by their name in the catalogue. */
function makers(registry: Registry) {
  return {
    counter(name: GatewayMetric): Counter {
      const { help, labels } = GATEWAY_METRICS[name];
      return new Counter({ name, help, labelNames: [...labels], registers: [registry] });
    },
    histogram(name: HistogramMetric): Histogram {
      const { help, labels, buckets } = GATEWAY_METRICS[name];
      return new Histogram({ name, help, labelNames: [...labels], buckets: [...buckets], registers: [registry] });
    },
    /** A gauge; with `read`, its value is asked for at each scrape. */
    gauge(name: GatewayMetric, read?: () => number): Gauge {
      const { help, labels } = GATEWAY_METRICS[name];
      const collect = function (this: Gauge) {
        if (read !== undefined) this.set(read());
      };
      return new Gauge({ name, help, labelNames: [...labels], registers: [registry], collect });
    },
  };
}
