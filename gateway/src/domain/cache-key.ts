/** Fields of a request that change nothing about its answer, or only how it is delivered here. */
const IRRELEVANT: ReadonlySet<string> = new Set([
  'user',
  'metadata',
  'safety_identifier',
  'prompt_cache_key',
  'stream_options',
]);

/** Answers of `/v1/responses` repeat the fields of their request. */
const REPEATING = 'openai-responses';

/** What an answer is kept under. */
export interface CacheSubject {
  readonly namespaceId: string;
  /** Whose cache it is; undefined = shared by all of the namespace. */
  readonly owner: string | undefined;
  /** Name of the client's protocol: a request means another thing in another. */
  readonly endpoint: string;
  readonly providerId: string;
  /** The protocol of the provider, in which the answer is kept. */
  readonly dialect: string;
  /** What of the client's headers the provider sees. */
  readonly headers: Readonly<Record<string, string>>;
  readonly model: string;
  /** The request as the client sent it, parsed. */
  readonly body: Readonly<Record<string, unknown>>;
  /** The output maximum that the provider is asked for, which policies may have lowered. */
  readonly maxTokens: number | undefined;
}

/** The same text for requests that ask for the same, in whatever order their fields come. */
export function cacheKeyOf({ body, ...subject }: CacheSubject): string {
  const { namespaceId, owner, endpoint, providerId, dialect, headers, model, maxTokens } = subject;
  const { model: _, ...asked } = body;
  const relevant = Object.entries(asked).filter(
    ([name, value]) => (endpoint === REPEATING || !IRRELEVANT.has(name)) && value !== null,
  );
  const asks = sorted(Object.fromEntries(relevant));
  return JSON.stringify([namespaceId, owner, endpoint, providerId, dialect, sorted(headers), model, maxTokens, asks]);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(entries.map(([name, item]) => [name, sorted(item)]));
}
