/** A refusal of the mock, in OpenAI's shape. */
export interface MockError {
  readonly status: number;
  readonly message: string;
  readonly type?: string;
  readonly code?: string | null;
  readonly param?: string | null;
}

const DEFAULTS: Readonly<
  Record<number, { readonly type: string; readonly code: string | null; readonly message: string }>
> = {
  400: { type: 'invalid_request_error', code: null, message: 'The mock refuses this request.' },
  401: { type: 'invalid_request_error', code: 'invalid_api_key', message: 'Incorrect API key provided.' },
  403: { type: 'invalid_request_error', code: 'unsupported_country_region_territory', message: 'Not supported here.' },
  404: { type: 'invalid_request_error', code: 'model_not_found', message: 'The model does not exist.' },
  429: { type: 'requests', code: 'rate_limit_exceeded', message: 'Rate limit reached.' },
  503: { type: 'server_error', code: null, message: 'The engine is currently overloaded.' },
};

/** Body of an error answer, with OpenAI's usual type, code and sentence for the status where none are given. */
export function errorBody({
  status,
  message,
  type,
  code,
  param,
}: Partial<MockError> & { readonly status: number }): string {
  const usual = DEFAULTS[status] ?? {
    type: status < 500 ? 'invalid_request_error' : 'server_error',
    code: null,
    message: 'The mock fails as it was told.',
  };
  return JSON.stringify({
    error: {
      message: message ?? usual.message,
      type: type ?? usual.type,
      param: param ?? null,
      code: code === undefined ? usual.code : code,
    },
  });
}
