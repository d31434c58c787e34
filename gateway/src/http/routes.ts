/** Routes that are answered by the chat pipeline, by POST. */
export const CHAT_ROUTES: ReadonlySet<string> = new Set(['/v1/chat/completions', '/api/chat', '/api/chat/completions']);

/** Routes of `/v1` that go to the provider untouched. Routes that produce tokens are not among them: they are metered. */
export const PASSTHROUGH_ROUTES = /^\/v1\/(files|audio|images|moderations)(\/|$)/;

/** `GET /v1/models` and `/v1/models/<name>`. */
export const MODEL_ROUTES = /^\/v1\/models(\/|$)/;

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
