/**
 * URL of an operation on an OpenAI-compatible base URL. A base that ends in a version (`/v1`, `/compatible-mode/v1`,
 * `/api/paas/v4`) is taken as it is; otherwise `/v1` is added, so that both spellings reach the same place.
 */
export function operationUrl(baseUrl: string, operation: string): URL {
  const url = new URL(baseUrl);
  const base = url.pathname.replace(/\/+$/, '');
  url.pathname = `${/\/v\d+$/.test(base) ? base : `${base}/v1`}/${operation}`;
  url.search = '';
  return url;
}

const chatPaths = new Map<string, string>();
const MAX_CACHED_PATHS = 10_000;

/** Path of chat completions on a base URL; remembered, because it is asked on every request. */
export function chatPath(baseUrl: string): string {
  const known = chatPaths.get(baseUrl);
  if (known !== undefined) return known;
  const { pathname } = operationUrl(baseUrl, 'chat/completions');
  if (chatPaths.size >= MAX_CACHED_PATHS) chatPaths.clear();
  chatPaths.set(baseUrl, pathname);
  return pathname;
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
