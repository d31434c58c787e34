import type { GatewayError } from '../../domain/gateway-error.ts';

/** Anthropic's error types by HTTP status (its API reference, "Errors"). */
const TYPES: ReadonlyMap<number, string> = new Map([
  [400, 'invalid_request_error'],
  [401, 'authentication_error'],
  [402, 'billing_error'],
  [403, 'permission_error'],
  [404, 'not_found_error'],
  [408, 'timeout_error'],
  [413, 'request_too_large'],
  [429, 'rate_limit_error'],
  [503, 'overloaded_error'],
  [504, 'timeout_error'],
]);

/** Type of an error of this status, as Anthropic's clients know it. */
export function messagesErrorType(status: number): string {
  return TYPES.get(status) ?? (status < 500 ? 'invalid_request_error' : 'api_error');
}

/** The body of an error in Anthropic's shape; the gateway's own code is kept beside it. */
export function messagesError(error: GatewayError, requestId: string): object {
  const { message, status, code } = error;
  return { type: 'error', error: { type: messagesErrorType(status), message, code }, request_id: requestId };
}
