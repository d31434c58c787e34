/** Fields of a request that change nothing about its answer, or only how it is delivered here. */
const IRRELEVANT: ReadonlySet<string> = new Set([
  'user',
  'metadata',
  'safety_identifier',
  'prompt_cache_key',
  'stream_options',
]);

/** What an answer is kept under. */
export interface CacheSubject {
  readonly namespaceId: string;
  /** Whose cache it is; undefined = shared by all of the namespace. */
  readonly owner: string | undefined;
  readonly providerId: string;
  readonly model: string;
  /** The request as the client sent it, parsed. */
  readonly body: Readonly<Record<string, unknown>>;
  /** The output maximum that the provider is asked for, which policies may have lowered. */
  readonly maxTokens: number | undefined;
}

/** The same text for requests that ask for the same, in whatever order their fields come. */
export function cacheKeyOf({ body, ...subject }: CacheSubject): string {
  const { model: _, ...asked } = body;
  const relevant = Object.entries(asked).filter(([name, value]) => !IRRELEVANT.has(name) && value !== null);
  const { namespaceId, owner, providerId, model, maxTokens } = subject;
  return JSON.stringify([namespaceId, owner, providerId, model, maxTokens, sorted(Object.fromEntries(relevant))]);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(entries.map(([name, item]) => [name, sorted(item)]));
}
