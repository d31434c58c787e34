/**
 * URL of an operation on an OpenAI-compatible base URL. A base that ends in a version (`/v1`, `/compatible-mode/v1`,
 * `/api/paas/v4`) is taken as it is; otherwise `/v1` is added, so that both spellings reach the same place.
 */
export function operationUrl(baseUrl: string, operation: string): string {
  const base = baseUrl.replace(/\/+$/, '');
  return `${/\/v\d+$/.test(base) ? base : `${base}/v1`}/${operation}`;
}

/** URL of a path that is passed through: below `/v1` an operation like any other, else a path of the same server. */
export function passthroughUrl(baseUrl: string, path: string): string {
  return path.startsWith('/v1/') ? operationUrl(baseUrl, path.slice('/v1/'.length)) : new URL(baseUrl).origin + path;
}

/** The path alone, for a client that is connected already. */
export function operationPath(baseUrl: string, operation: string): string {
  return operationUrl(baseUrl, operation).replace(/^https?:\/\/[^/]+/, '');
}

/** Headers of a request upstream: an allow-list, nothing of the client's comes through. */
export function requestHeaders(
  secret: string | undefined,
  requestId: string,
  isStream: boolean,
): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    accept: isStream ? 'text/event-stream' : 'application/json',
    'accept-encoding': 'identity',
    'user-agent': 'ai-gateway',
    'x-request-id': requestId,
  };
  if (secret !== undefined) headers.authorization = `Bearer ${secret}`;
  return headers;
}
