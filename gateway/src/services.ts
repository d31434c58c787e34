import type { GatewayReport, Upstream } from '@ai-gateway/contracts';
import type { CompiledConfig, CompiledProvider } from './domain/compile-snapshot.ts';
import type { Limit } from './domain/limits/plan.ts';
import type { LimitDecision, ReserveRequest, TokenAmounts } from './domain/limits/reserve.ts';
import type { Outcome } from './domain/outcome.ts';
import type { AttemptFailure } from './domain/retry.ts';
import type { UpstreamHealth } from './domain/target-health.ts';
import type { Cut } from './streaming/stream-meter.ts';

/** The rules in force. `current()` is undefined until the first snapshot, from the config center or from disk. */
export interface ConfigSource {
  current(): CompiledConfig | undefined;
  /** Keys the secret as the config center does, to look virtual keys up. */
  hashOf(secret: string): string;
  /** Why the newest revision was refused, if it was. */
  refused(): GatewayReport['refusedRevision'];
  close(): Promise<void>;
}

/** One counter as an operator sees it. */
export interface LimitStatus {
  readonly policyId: string;
  readonly key: string;
  readonly kind: Limit['kind'];
  readonly current: number;
  readonly limit: number;
}

/** Limits shared by whoever uses the store. Calls may overlap; a refusal is a value, an exception means unreachable. */
export interface LimitStore {
  /** Takes every limit or none. The same reservation id again is admitted without taking twice. */
  reserve(limits: readonly Limit[], request: ReserveRequest): Promise<LimitDecision>;
  /** Replaces the reservation by what was used and frees its slots. Unknown or already settled: does nothing. */
  settle(reservationId: string, actual: TokenAmounts): Promise<void>;
  /** Prolongs the leases of running requests; call every third of `leaseMs`. */
  renew(reservationIds: Iterable<string>, leaseMs: number): Promise<void>;
  /** Current state of the given limits, from the counters that decide. */
  status(limits: readonly Limit[]): Promise<readonly LimitStatus[]>;
}

/** Tokens of an input; `exact` is false for an estimate. */
export interface TokenCount {
  readonly tokens: number;
  readonly exact: boolean;
}

/** Counts tokens. Rejects when it cannot count; the estimating implementation never does. */
export interface TokenCounter {
  countChat(model: string, messages: readonly unknown[], tools: readonly unknown[] | undefined): Promise<TokenCount>;
  /** See `CutText`. */
  cut(model: string, text: string, maxTokens: number, from: number): Promise<Cut>;
}

/** An HTTP request to one upstream. */
export interface UpstreamRequest {
  readonly upstream: Upstream;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** An accepted answer: headers are in, the body is still to be read. Leaving the body early aborts the upstream. */
export interface UpstreamResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: AsyncIterable<Buffer>;
}

/** Thrown by `UpstreamClient.send` and by reading a body. */
export class UpstreamFailure extends Error {
  readonly failure: AttemptFailure;
  constructor(failure: AttemptFailure) {
    super(`upstream ${failure.kind}`);
    this.name = 'UpstreamFailure';
    this.failure = failure;
  }
}

/** One attempt. Redirects are not followed. Rejects with UpstreamFailure; aborts when `signal` does. */
export interface UpstreamClient {
  send(request: UpstreamRequest, signal: AbortSignal): Promise<UpstreamResponse>;
  close(): Promise<void>;
}

/** Health of upstreams as this gateway sees it. */
export interface TargetHealth {
  of(upstreamId: string): UpstreamHealth | undefined;
  report(provider: CompiledProvider, upstream: Upstream, failure: AttemptFailure | undefined): void;
}

/** Facts of one ended request, for metrics, live totals and the log. */
export interface RequestRecord {
  readonly requestId: string;
  readonly arrivedAtMs: number;
  readonly namespaceId: string | undefined;
  readonly namespace: string;
  readonly virtualKeyId: string | undefined;
  readonly requestedModel: string;
  readonly resolvedModel: string;
  /** Whether the model may be a metric label (it is one that the rules name). */
  readonly modelLabel: string;
  readonly provider: string | undefined;
  readonly upstreamId: string | undefined;
  readonly isStream: boolean;
  readonly attempts: number;
  readonly revision: number;
  readonly durationMs: number;
  readonly firstByteMs: number | undefined;
  /** Arrival to the first attempt upstream. */
  readonly overheadMs: number | undefined;
  readonly refusedByPolicyIds: readonly string[];
  readonly outcome: Outcome;
  /** For the log only. */
  readonly internal: string | undefined;
}

/** Counts what happens. Never throws, never blocks. */
export interface Metrics {
  started(namespaceId: string, namespace: string): void;
  ended(namespaceId: string, namespace: string): void;
  request(record: RequestRecord): void;
  refusal(namespace: string, limit: { policyId: string; kind: string; isObserved: boolean }): void;
  tokenCount(purpose: 'input' | 'meter' | 'settle', result: 'exact' | 'estimate' | 'failed'): void;
  attempt(provider: string, upstreamId: string, result: string): void;
  upstreamUp(provider: string, upstreamId: string, isUp: boolean): void;
}

/** Structured log. Never give it a secret or a prompt. */
export interface Log {
  request(record: RequestRecord): void;
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
}

/** Everything a stage may call. */
export interface Services {
  readonly config: ConfigSource;
  readonly limits: LimitStore;
  readonly tokens: TokenCounter;
  /** Takes over where a policy is content with an estimate. */
  readonly estimates: TokenCounter;
  readonly upstream: UpstreamClient;
  readonly health: TargetHealth;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Secrets of providers, by the name of their environment variable. */
  readonly providerSecret: (name: string) => string | undefined;
  readonly nowMs: () => number;
  /** A number in [0, 1). */
  readonly random: () => number;
}
