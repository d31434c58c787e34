/** Catalogue of every error the data plane answers: HTTP status, OpenAI `type`, and the default sentence. */
export const ERRORS = {
  invalid_json: { status: 400, type: 'invalid_request_error', message: 'The request body is not valid JSON.' },
  invalid_request: { status: 400, type: 'invalid_request_error', message: 'The request is not valid.' },
  invalid_max_tokens: { status: 400, type: 'invalid_request_error', message: 'max_tokens must be a positive integer.' },
  input_tokens_exceeded: {
    status: 400,
    type: 'invalid_request_error',
    message: 'The input has more tokens than allowed.',
  },
  context_length_exceeded: {
    status: 400,
    type: 'invalid_request_error',
    message: 'Input and output are longer than the context of the model.',
  },
  tokens_exceed_limit: {
    status: 400,
    type: 'invalid_request_error',
    message: 'The request asks for more tokens than its limit can ever admit.',
  },
  invalid_api_key: { status: 401, type: 'invalid_request_error', message: 'The virtual key is missing or not valid.' },
  insufficient_balance: {
    status: 402,
    type: 'insufficient_quota',
    message: 'The account of this virtual key has no balance left.',
  },
  namespace_disabled: { status: 403, type: 'invalid_request_error', message: 'The namespace is disabled.' },
  key_not_allowed_here: {
    status: 403,
    type: 'invalid_request_error',
    message: 'The virtual key does not open this namespace.',
  },
  model_not_allowed: {
    status: 403,
    type: 'invalid_request_error',
    message: 'The model may not be used here in this way.',
  },
  user_not_active: {
    status: 403,
    type: 'invalid_request_error',
    message: 'The user of this virtual key may not use the API now.',
  },
  policy_violation: { status: 403, type: 'invalid_request_error', message: 'A policy refuses this request.' },
  not_found: { status: 404, type: 'invalid_request_error', message: 'There is no such path.' },
  namespace_not_found: {
    status: 404,
    type: 'invalid_request_error',
    message: 'No namespace matches this request. Is the channel header (X-Channel-Code) set?',
  },
  model_not_found: {
    status: 404,
    type: 'invalid_request_error',
    message: 'The model does not exist or is not served here.',
  },
  provider_not_found: {
    status: 404,
    type: 'invalid_request_error',
    message: 'The provider does not exist or serves nothing here.',
  },
  method_not_allowed: {
    status: 405,
    type: 'invalid_request_error',
    message: 'The method is not allowed on this path.',
  },
  request_timeout: { status: 408, type: 'invalid_request_error', message: 'The request did not arrive in time.' },
  request_too_large: { status: 413, type: 'invalid_request_error', message: 'The request body is too large.' },
  unsupported_media_type: {
    status: 415,
    type: 'invalid_request_error',
    message: 'The body must be uncompressed application/json.',
  },
  rate_limit_exceeded: { status: 429, type: 'requests', message: 'A limit is reached.' },
  request_headers_too_large: {
    status: 431,
    type: 'invalid_request_error',
    message: 'The request has too many headers.',
  },
  internal_error: { status: 500, type: 'server_error', message: 'The gateway failed. The error is logged.' },
  upgrade_not_supported: {
    status: 501,
    type: 'invalid_request_error',
    message: 'Upgrades are not supported on this path.',
  },
  upstream_error: { status: 502, type: 'server_error', message: 'The provider failed.' },
  upstream_rate_limited: { status: 503, type: 'server_error', message: 'The provider is limiting the gateway.' },
  limiter_unavailable: { status: 503, type: 'server_error', message: 'Limits cannot be checked now.' },
  price_not_set: {
    status: 503,
    type: 'server_error',
    message: 'The model has no price, so what it costs cannot be counted.',
  },
  token_service_unavailable: { status: 503, type: 'server_error', message: 'Tokens cannot be counted now.' },
  no_healthy_upstream: { status: 503, type: 'server_error', message: 'No upstream of the provider can be reached.' },
  overloaded: { status: 503, type: 'server_error', message: 'The gateway is starting, draining or overloaded.' },
  upstream_timeout: { status: 504, type: 'server_error', message: 'The provider did not answer in time.' },
} as const satisfies Record<string, { status: number; type: string; message: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** Body of every data-plane error; after the first SSE byte the same object travels in one `data:` event. */
export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: ErrorCode;
    readonly request_id: string;
  };
}
