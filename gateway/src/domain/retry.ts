import { GatewayError } from './gateway-error.ts';

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
    };

/** Longest part of a provider's message that is shown to a caller. */
const MAX_PROVIDER_MESSAGE = 500;

/**
 * May the next upstream be tried? Only before any byte reached the client, and only when this upstream is at fault:
 * it could not be reached, broke off, timed out, limits us or answered 5xx. A request that it refuses (4xx) is final.
 */
export function mayTryNext(failure: AttemptFailure): boolean {
  if (failure.kind !== 'status') return true;
  return failure.status === 429 || failure.status >= 500 || failure.status === 401 || failure.status === 403;
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
  const { status, retryAfterMs } = failure;
  const internal = `upstream answered ${status}`;
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
