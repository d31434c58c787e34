/** Histogram buckets, in seconds. */
const LATENCY_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

/**
 * Every metric of the gateway: kind, help, labels. Labels are bounded: `namespace` and `policy` come from the rules,
 * `model` from the providers' lists (anything else is `other`), `status` is an HTTP status, `stage` a pipeline stage.
 */
export const GATEWAY_METRICS = {
  gateway_requests_total: {
    kind: 'counter',
    help: 'Requests answered, by namespace, model and HTTP status.',
    labels: ['namespace', 'model', 'status'],
  },
  gateway_request_duration_seconds: {
    kind: 'histogram',
    help: 'Time from arrival to the last byte.',
    labels: ['namespace', 'stream'],
    buckets: LATENCY_BUCKETS,
  },
  gateway_first_byte_seconds: {
    kind: 'histogram',
    help: 'Time from arrival to the first byte of the answer.',
    labels: ['namespace'],
    buckets: LATENCY_BUCKETS,
  },
  gateway_overhead_seconds: {
    kind: 'histogram',
    help: 'Time from arrival to the first attempt upstream: what the gateway itself adds.',
    labels: ['namespace'],
    buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5],
  },
  gateway_tokens_total: {
    kind: 'counter',
    help: 'Tokens settled, by direction (input, output) and source (provider, counted, estimated).',
    labels: ['namespace', 'model', 'direction', 'source'],
  },
  gateway_passthrough_bytes_total: {
    kind: 'counter',
    help: 'Bytes of bodies passed through untouched, by direction (in: from clients, out: to clients).',
    labels: ['namespace', 'direction'],
  },
  gateway_in_flight: { kind: 'gauge', help: 'Requests in flight.', labels: ['namespace'] },
  gateway_refusals_total: {
    kind: 'counter',
    help: 'Requests refused by a policy; observed="true" when the policy only observes.',
    labels: ['namespace', 'policy', 'kind', 'observed'],
  },
  gateway_errors_total: {
    kind: 'counter',
    help: 'Requests ended by an error, by code.',
    labels: ['namespace', 'code'],
  },
  gateway_outcomes_total: {
    kind: 'counter',
    help: 'How requests ended: completed, cut, client_left, upstream_failed, partial, refused, crashed.',
    labels: ['namespace', 'outcome'],
  },
  gateway_upstream_attempts_total: {
    kind: 'counter',
    help: 'Attempts upstream, by result (ok, status_4xx, status_5xx, timeout, network).',
    labels: ['provider', 'upstream', 'result'],
  },
  gateway_cache_total: {
    kind: 'counter',
    help: 'Requests of namespaces that keep answers, by result (hit, miss, bypass).',
    labels: ['namespace', 'result'],
  },
  gateway_upstream_up: {
    kind: 'gauge',
    help: '1 while the upstream takes traffic, 0 while it is set aside after failures.',
    labels: ['provider', 'upstream'],
  },
  gateway_token_counts_total: {
    kind: 'counter',
    help: 'Token counts, by purpose (input, meter, settle) and result (exact, estimate, failed).',
    labels: ['purpose', 'result'],
  },
  gateway_token_drift_ratio: {
    kind: 'histogram',
    help: 'Tokens that a provider reported per token counted here, by direction (input, output); exact="false" for estimates.',
    labels: ['model', 'direction', 'exact'],
    buckets: [0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 1, 1.005, 1.01, 1.02, 1.05, 1.1, 1.25, 2],
  },
  gateway_limiter_up: {
    kind: 'gauge',
    help: '1 while limits are shared over Redis or, by design, kept by this process; 0 while it counts alone.',
    labels: [],
  },
  gateway_limiter_seconds: {
    kind: 'histogram',
    help: 'Time to get an answer from the shared limits.',
    labels: [],
    buckets: [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15],
  },
  gateway_limiter_failures_total: {
    kind: 'counter',
    help: 'Questions to the shared limits that were not answered in time.',
    labels: [],
  },
  gateway_limiter_degraded_total: {
    kind: 'counter',
    help: 'Decisions without the shared limits, by what was done: local, open, closed.',
    labels: ['mode'],
  },
  gateway_request_log_records_total: {
    kind: 'counter',
    help: 'Records of ended requests, by what became of them: shipped to the config center, dropped because it was away.',
    labels: ['result'],
  },
  gateway_request_log_waiting: {
    kind: 'gauge',
    help: 'Records of ended requests that wait to be shipped.',
    labels: [],
  },
  gateway_rules_revision: { kind: 'gauge', help: 'Revision of the rules in force.', labels: [] },
  gateway_rules_age_seconds: {
    kind: 'gauge',
    help: 'Seconds since Redis or the config center last confirmed the rules in force.',
    labels: [],
  },
} as const satisfies Record<string, MetricSpec>;

interface MetricSpec {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  readonly buckets?: readonly number[];
}

export type GatewayMetric = keyof typeof GATEWAY_METRICS;
