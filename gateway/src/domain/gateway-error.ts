import { ERRORS, type ErrorBody, type ErrorCode } from '@ai-gateway/contracts';

/** Longest wait, in ms, that official SDKs are left to sleep; beyond it they are told not to retry by themselves. */
const LONGEST_CLIENT_SLEEP_MS = 30_000;

/** What an error carries beyond its code. */
export interface ErrorDetails {
  /** Sentence for the caller; default from the catalogue. Never holds a secret, a prompt or an upstream address. */
  readonly message?: string | undefined;
  /** Request field at fault, as a dotted path, or the reason of a policy violation. */
  readonly param?: string | undefined;
  /** Overrides the catalogue's OpenAI `type` (limits say `requests`, `tokens` or `concurrency`). */
  readonly type?: string | undefined;
  /** Overrides the catalogue's status; only for a provider's own 4xx that is passed on. */
  readonly status?: number | undefined;
  readonly retryAfterMs?: number | undefined;
  /** Policies that refused; sent as `x-gateway-policy`. */
  readonly policyIds?: readonly string[] | undefined;
  /** Headers that go with the answer, beside those that the other details make. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** For the log only. */
  readonly internal?: string | undefined;
}

/** The one exception of the data plane: a catalogue code and its details. Anything else thrown is `internal_error`. */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    super(details.message ?? ERRORS[code].message);
    this.name = 'GatewayError';
    this.code = code;
    this.status = details.status ?? ERRORS[code].status;
    this.details = details;
  }

  /** The OpenAI-shaped body. */
  body(requestId: string): ErrorBody {
    return {
      error: {
        message: this.message,
        type: this.details.type ?? ERRORS[this.code].type,
        param: this.details.param ?? null,
        code: this.code,
        request_id: requestId,
      },
    };
  }

  /** Response headers that tell SDKs whether and when to try again. */
  headers(): Record<string, string> {
    const headers: Record<string, string> = { ...this.details.headers };
    const { retryAfterMs, policyIds } = this.details;
    if (policyIds !== undefined && policyIds.length > 0) headers['x-gateway-policy'] = policyIds.join(',');
    if (retryAfterMs === undefined) return headers;

    headers['retry-after'] = String(Math.max(1, Math.ceil(retryAfterMs / 1000)));
    headers['retry-after-ms'] = String(Math.max(1, Math.ceil(retryAfterMs)));
    if (retryAfterMs > LONGEST_CLIENT_SLEEP_MS) headers['x-should-retry'] = 'false';
    return headers;
  }
}

/** Any thrown value as a GatewayError; an unknown one becomes `internal_error` with its text for the log only. */
export function asGatewayError(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  return new GatewayError('internal_error', { internal: thrown instanceof Error ? thrown.stack : String(thrown) });
}
