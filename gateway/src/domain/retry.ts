import type { Routing } from '@ai-gateway/contracts';
import { GatewayError } from './gateway-error.ts';
import type { Target } from './target.ts';

/** Why an attempt gave no usable answer. `message` is the provider's own, from a known field, or ours. */
export type AttemptFailure =
  | { readonly kind: 'connect'; readonly internal: string }
  | { readonly kind: 'network'; readonly internal: string }
  | { readonly kind: 'timeout'; readonly internal: string }
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly message: string | undefined;
      readonly retryAfterMs: number | undefined;
      /** Of a Portkey gateway about what it was told, where no provider was asked. */
      readonly routerMessage?: string | undefined;
      /** For the log, where the status does not say it all. */
      readonly internal?: string;
    };

/** Longest part of a provider's message that is shown to a caller. */
const MAX_PROVIDER_MESSAGE = 500;

/**
 * May the next upstream be tried? Only before any byte reached the client, and only when this upstream is at fault:
 * it could not be reached, broke off, timed out, limits us, does not take our key or answered 5xx. A request that it
 * refuses (other 4xx) is final.
 */
export function mayTryNext(failure: AttemptFailure): boolean {
  return failure.kind !== 'status' || failure.status >= 500 || OUR_FAULT.has(failure.status);
}

/** Statuses that another upstream or key may not answer. */
const OUR_FAULT: ReadonlySet<number> = new Set([401, 402, 403, 408, 429]);

/** One attempt of a request. */
export interface Turn {
  readonly target: Target;
  /** This upstream has failed already. */
  readonly isRepeat: boolean;
  /** Not the first attempt at this provider. */
  readonly isRetry: boolean;
}

/**
 * The attempts of a request in order: each provider's upstreams, then the same again while it may have more attempts,
 * then the next provider's.
 */
export function turnsOf(targets: readonly Target[]): readonly Turn[] {
  const byChoice = new Map<object, Target[]>();
  for (const target of targets) {
    const known = byChoice.get(target.choice);
    if (known === undefined) byChoice.set(target.choice, [target]);
    else known.push(target);
  }
  return [...byChoice.entries()].flatMap(([, group]) => {
    const [first] = group;
    const attempts = first === undefined ? 0 : first.choice.provider.routing.retry.maxAttempts;
    return Array.from({ length: attempts }, (_, attempt) => ({
      // The remainder is below the length.
      target: group[attempt % group.length] as Target,
      isRepeat: attempt >= group.length,
      isRetry: attempt > 0,
    }));
  });
}

/**
 * How long to wait before an upstream that has failed is asked again, ms; undefined = it should not be: it would take as
 * long again, refuse our key again, or wants to be left alone for longer than a request waits. Full jitter:
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 * @param repeats how often it was asked again before
 * @param random in [0, 1)
 */
export function waitBeforeRepeat(
  failure: AttemptFailure,
  repeats: number,
  { baseDelayMs, maxDelayMs }: Pick<Routing['retry'], 'baseDelayMs' | 'maxDelayMs'>,
  random: number,
): number | undefined {
  if (failure.kind === 'timeout') return undefined;
  const backoffMs = random * Math.min(maxDelayMs, baseDelayMs * 2 ** repeats);
  if (failure.kind !== 'status') return backoffMs;
  if (failure.status === 401 || failure.status === 402 || failure.status === 403) return undefined;
  const askedMs = failure.retryAfterMs ?? 0;
  return askedMs > maxDelayMs ? undefined : askedMs + backoffMs;
}

/** Does this failure speak against the key: unknown, not paid for, not allowed, or used up for now? */
export function isKeyRefused(failure: AttemptFailure): boolean {
  return failure.kind === 'status' && [401, 402, 403, 429].includes(failure.status);
}

/** Does this failure speak against the upstream's health? */
export function isUnhealthy(failure: AttemptFailure): boolean {
  return failure.kind !== 'status' || failure.status >= 500;
}

/** The error that a caller gets when no attempt is left. */
export function errorOf(failure: AttemptFailure): GatewayError {
  switch (failure.kind) {
    case 'connect':
    case 'network':
      return new GatewayError('upstream_error', { internal: failure.internal });
    case 'timeout':
      return new GatewayError('upstream_timeout', { internal: failure.internal });
    case 'status':
      return statusError(failure);
    default:
      return failure satisfies never;
  }
}

function statusError(failure: Extract<AttemptFailure, { kind: 'status' }>): GatewayError {
  const { status, retryAfterMs, internal = `upstream answered ${status}` } = failure;
  if (status === 429)
    return new GatewayError('upstream_rate_limited', { retryAfterMs: retryAfterMs ?? 1000, internal });
  if (status === 400 || status === 404 || status === 413 || status === 422) {
    const message = failure.message?.slice(0, MAX_PROVIDER_MESSAGE);
    return new GatewayError('invalid_request', {
      status,
      message: message && `The provider refuses the request: ${message}`,
      internal,
    });
  }
  if (status === 408 || status === 504) return new GatewayError('upstream_timeout', { internal });
  return new GatewayError('upstream_error', { internal });
}
