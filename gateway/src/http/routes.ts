/** Routes of `/v1` that go to the provider untouched. Routes that produce tokens are not among them: they are metered. */
export const PASSTHROUGH_ROUTES = /^\/v1\/(files|uploads|batches|audio|images|moderations)(\/|$)/;

/** `GET /v1/models` and `/v1/models/<name>`. */
export const MODEL_ROUTES = /^\/v1\/models(\/|$)/;

/** The WebSocket that is passed through untouched. */
export const REALTIME_PATH = '/v1/realtime';
/** Routes that produce tokens; a location must not lead past the limits that hold for them. */
const METERED_ROUTES = /^\/v1\/(chat\/completions|completions|responses|messages|embeddings)(\/|$)/i;

/** Would a provider take this path for one that produces tokens? Encoded letters must not hide it. */
export function isMetered(path: string): boolean {
  try {
    return METERED_ROUTES.test(decodeURIComponent(path));
  } catch {
    return true;
  }
}
