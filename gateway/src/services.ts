import type { LookupFunction } from 'node:net';
import type {
  GatewayReport,
  HealthCheck,
  InFlightRequest,
  LimitStatus,
  LimitsReport,
  Observation,
  Upstream,
} from '@ai-gateway/contracts';
import type {
  Extension,
  Held,
  Limit,
  LimitDecision,
  LimitState,
  Preview,
  Progress,
  QueueTerms,
  Renewal,
  ReserveRequest,
  TokenAmounts,
} from '@ai-gateway/limits';
import type { CompiledConfig, CompiledProvider } from './domain/compile-snapshot.ts';
import type { Outcome } from './domain/outcome.ts';
import type { Standing } from './domain/rank-targets.ts';
import type { RecordedNotes } from './domain/recorded-notes.ts';
import type { AttemptFailure } from './domain/retry.ts';
import type { Comparison, OwnCount } from './domain/token-drift.ts';
import type { Cut } from './streaming/stream-meter.ts';

/** The rules in force. `current()` is undefined until the first: from Redis, from the config center or from disk. */
export interface ConfigSource {
  current(): CompiledConfig | undefined;
  /** Keys the secret as the config center does, to look virtual keys up. */
  hashOf(secret: string): string;
  /** Why the newest revision was refused, if it was. */
  refused(): GatewayReport['refusedRevision'];
}

/** What the store has of one namespace: requests that hold reservations (the oldest) and how many wait. */
export interface RunningReport {
  readonly inFlight: readonly InFlightRequest[];
  readonly inFlightTotal: number;
  readonly waiting: number;
}

/** The store of limits cannot be reached, or not in time. */
export class LimiterUnavailable extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'LimiterUnavailable';
  }
}

/**
 * Limits shared by whoever uses the store. Calls may overlap; a refusal is a value, LimiterUnavailable means that the
 * store did not decide. Whatever was taken is data (`Held`), so that it can be given back by anybody.
 */
export interface LimitStore {
  /** Takes every limit or none. The same reservation id again is admitted without taking twice. */
  reserve(limits: readonly Limit[], request: ReserveRequest): Promise<LimitDecision>;
  /** Raises the reserved output to `outputTokens` in all windows, or in none; `isForced` does not ask for room. */
  extend(held: Held, outputTokens: number, isForced: boolean): Promise<Extension>;
  /** Gives everything back that a reservation may hold, when it is not known whether it was made. */
  cancel(reservationId: string): Promise<void>;
  /** Replaces the reservation by what was used and frees its slots. Unknown or already settled: false, nothing happens. */
  settle(held: Held, actual: TokenAmounts, voidedKeys?: readonly string[]): Promise<boolean>;
  /** Prolongs the leases of running requests and notes how far they are. */
  renew(running: readonly Progress[], leaseMs: number): Promise<Renewal>;
  /** Enters running requests that the store does not know, whether there is room or not; see `adopt`. */
  adopt(adopted: readonly Adoption[], leaseMs: number): Promise<void>;
  /** A waiting request gives up its place. */
  leave(limits: readonly Limit[], reservationId: string): Promise<void>;
  /** Settles reservations whose gateways have vanished, by what they last reported; returns how many. `leaseMs` is the longest. */
  reap(leaseMs: number): Promise<number>;
  /** Current state of the given limits, from the counters that decide. */
  status(limits: readonly Limit[]): Promise<readonly LimitStatus[]>;
  /** Counters of some limits as they are, to decide on without taking from them. */
  copy(limits: readonly Limit[]): Promise<CountersCopy>;
  /** What runs and waits in a namespace. */
  running(namespaceId: string): Promise<RunningReport>;
}

/** Counters in the form of the reference, and the store's clock (µs) when they were read. */
export interface CountersCopy {
  readonly state: LimitState;
  readonly nowUs: number;
}

/** What the limits would decide now, and who counts. */
export type LimitsPreview = Preview & Pick<LimitsReport, 'store'>;

/** A request to adopt, and what windows have of it already; undefined = nothing. */
export interface Adoption {
  readonly held: Held;
  readonly counted: TokenAmounts | undefined;
  /** Output tokens up to now: what it is settled for if its gateway falls silent before the next report. */
  readonly outputSoFar: number;
}

/** What the limits of a gateway tell about themselves, for metrics. */
export type LimiterEvent =
  | { readonly kind: 'asked'; readonly seconds: number }
  | { readonly kind: 'failed' | 'up' | 'down' }
  /** A decision without the shared store, by the strictest `onLimiterDown` of its limits. */
  | { readonly kind: 'degraded'; readonly mode: 'open' | 'closed' | 'local' };

/** Limits as stages use them, over one or two stores. */
export interface Limits {
  /**
   * Takes every limit or none, waiting in line as the request's `queue` and the patience allow.
   * @throws LimiterUnavailable when a limit refuses because it cannot be shared now
   */
  take(limits: readonly Limit[], request: TakeRequest, patience: Patience): Promise<LimitDecision>;
  /**
   * What `take` would decide now; takes nothing.
   * @throws LimiterUnavailable as `take` does
   */
  preview(
    limits: readonly Limit[],
    request: TakeRequest,
    patience: Pick<Patience, 'maxWaitMs'>,
  ): Promise<LimitsPreview>;
  /** Replaces the reservation by what was used. Once; never rejects for a store that is away. */
  settle(reservationId: string, actual: TokenAmounts, voidedKeys?: readonly string[]): Promise<void>;
  /** Raises the reserved output of a running request; false when a window has no room. */
  extend(reservationId: string, outputTokens: number): Promise<boolean>;
  /** Says where to read how many output tokens a running request has had. */
  track(reservationId: string, soFar: () => number): void;
  /** Counters alone. */
  counters(limits: readonly Limit[]): Promise<Pick<LimitsReport, 'store' | 'limits'>>;
  /** Counters, and what runs and waits in a namespace. */
  report(namespaceId: string, limits: readonly Limit[]): Promise<LimitsReport>;
  /** The shared store was found empty: what runs is entered again. */
  dataLost(): Promise<void>;
  /** The shared store is given up for now. */
  isDown(): boolean;
  /** Stops, once the settlements under way are told or a moment has passed. */
  close(): Promise<void>;
}

/** What a stage knows of a reservation; leases are the limits' own business. */
export type TakeRequest = Omit<ReserveRequest, 'leaseMs' | 'queue'> & {
  readonly queue?: QueueTerms | undefined;
};

/** How long a request may wait, and what ends its patience earlier. */
export interface Patience {
  readonly maxWaitMs: number;
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
}

/** Tokens of an input; `exact` is false for an estimate. */
export type TokenCount = OwnCount;

/** What a model's chat template makes a prompt of. */
export interface Prompt {
  readonly messages: readonly unknown[];
  readonly tools: readonly unknown[] | undefined;
  /** Variables for the template, where the client sends some. */
  readonly templateVariables: Readonly<Record<string, unknown>> | undefined;
}

/** Counts tokens. Rejects when it cannot count; the estimating implementation never does. */
export interface TokenCounter {
  countChat(model: string, prompt: Prompt): Promise<TokenCount>;
  /** See `CutText`. */
  cut(model: string, text: string, maxTokens: number, from: number): Promise<Cut>;
  /** Most tokens that a byte of output may count as: more than one only where a learned ratio is in the counts. */
  tokensPerByte(model: string): number;
}

/** Takes own counts beside reported ones, for estimates to learn from. */
export interface Observations {
  /** Share of answers, 0 to 1, whose output is counted only to be compared. */
  readonly outputShare: number;
  /** Never throws, never blocks; what cannot be told is forgotten. */
  note(observation: Observation): void;
}

/** An HTTP request to one upstream. */
export interface UpstreamRequest {
  readonly upstream: Upstream;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** An accepted answer: headers are in, the body is still to be read. Leaving a begun body early aborts the upstream. */
export interface UpstreamResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: AsyncIterable<Buffer>;
  /** Aborts the upstream; for an answer whose body is not wanted. */
  close(): void;
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

/** An answer as a provider sent it. */
export interface CachedAnswer {
  readonly contentType: string;
  readonly body: Buffer;
  /** On the wall clock, ms. */
  readonly storedAtMs: number;
}

/** Whole answers of earlier requests. Never rejects: what cannot be read is not there. */
export interface AnswerCache {
  read(key: string): Promise<CachedAnswer | undefined>;
  keep(key: string, answer: CachedAnswer, ttlMs: number): void;
}

/** Decides, at the moment of connecting, where connections may go. */
export interface ConnectGuard {
  /** For `net.connect`: resolves a name and refuses it when one of its addresses is not allowed. */
  readonly lookup: LookupFunction;
  /** @throws UpstreamFailure for an address that is not allowed, or for plain HTTP where TLS is required */
  check(url: URL): void;
}

/** One attempt at an upstream, told to whoever keeps count. */
export interface Attempt {
  /** It has accepted the request; `headers` may say what quota is left: of the key, or without one of the upstream. */
  answered(headers: UpstreamResponse['headers'], keyId: string | undefined): void;
  failed(failure: AttemptFailure, keyId: string | undefined): void;
  /** Nothing is under way any more; a second call does nothing. */
  end(): void;
}

/** Health, load and quota of upstreams as this gateway sees them. */
export interface TargetHealth {
  of(upstreamId: string): Standing;
  /** The upstreams of a provider in the order in which a new request tries them, without those that are full. */
  rank(provider: CompiledProvider, hashKey: string): readonly Upstream[];
  /** The same order for a request that is only explained: nobody's turn is used up and nothing is put on trial. */
  previewRank(provider: CompiledProvider, hashKey: string): readonly Upstream[];
  /** Ids of the provider keys that were refused or have no quota left, and are left alone for now. */
  coolingKeys(): ReadonlySet<string>;
  /** Begins an attempt; undefined when the upstream is full. */
  begin(provider: CompiledProvider, upstream: Upstream): Attempt | undefined;
  /** Takes one retry from the provider's budget; false when none is left. */
  mayRetry(provider: CompiledProvider): boolean;
  /** After how long without an answer a second upstream is asked, ms; undefined = never. */
  hedgeAfterMs(provider: CompiledProvider): number | undefined;
  /** A check beside the traffic has ended. */
  probed(provider: CompiledProvider, upstream: Upstream, check: HealthCheck, isOk: boolean): void;
}

/** Facts of one ended request, for metrics, live totals and the logs. */
export interface RequestRecord extends Readonly<RecordedNotes> {
  readonly requestId: string;
  readonly method: string;
  /** As it was sent, with the query. */
  readonly url: string;
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
  readonly providerKeyId: string | undefined;
  readonly isStream: boolean;
  readonly attempts: number;
  readonly revision: number;
  /** Of the bodies that were passed through untouched. */
  readonly bytesIn: number | undefined;
  readonly bytesOut: number | undefined;
  readonly durationMs: number;
  readonly firstByteMs: number | undefined;
  /** Arrival to the first attempt upstream. */
  readonly overheadMs: number | undefined;
  readonly refusedByPolicyIds: readonly string[];
  readonly observedPolicyIds: readonly string[];
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
  cache(namespace: string, result: 'hit' | 'miss' | 'bypass'): void;
  attempt(provider: string, upstreamId: string, result: string): void;
  upstreamUp(provider: string, upstreamId: string, isUp: boolean): void;
  limiter(event: LimiterEvent): void;
  /** Records of ended requests that were told to the config center, or dropped because it was away too long. */
  requestLog(result: 'shipped' | 'dropped', records: number): void;
  /** `model` is a metric label: one that the rules name, or `other`. */
  tokenDrift(model: string, comparison: Comparison): void;
}

/** The log of ended requests that the config center keeps. */
export interface RequestLog {
  /** Never throws, never blocks; what cannot be told in time is counted as dropped. */
  note(record: RequestRecord): void;
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
  /** Name of this gateway, for operators. */
  readonly gatewayId: string;
  /** Silence of a stream, in ms, after which the client gets a comment; 0 = never. */
  readonly heartbeatMs: number;
  readonly config: ConfigSource;
  readonly limits: Limits;
  readonly tokens: TokenCounter;
  /** Takes over where a policy is content with an estimate. */
  readonly estimates: TokenCounter;
  readonly observations: Observations;
  readonly upstream: UpstreamClient;
  readonly health: TargetHealth;
  readonly cache: AnswerCache;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly requestLog: RequestLog;
  readonly nowMs: () => number;
  /** Waits so long, or until the signal aborts. Never rejects. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** A number in [0, 1). */
  readonly random: () => number;
}
