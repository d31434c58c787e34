import { z } from 'zod';
import { modelName, modelPattern } from './model-name.ts';

/**
 * How the upstreams of a provider share its requests. `weighted` is smooth (it never sends two in a row where it can
 * alternate), `lowest_latency` is a peak EWMA of the time to the first byte times the requests in flight,
 * `consistent_hash` keeps requests with the same key on the same upstream, so that its prompt cache is warm.
 */
export const strategy = z.enum([
  'weighted',
  'first_available',
  'round_robin',
  'random',
  'least_inflight',
  'lowest_latency',
  'consistent_hash',
]);

/**
 * What becomes of a request that asks for what a provider's dialect cannot carry or a model is known not to do. `drop`
 * leaves out hints, without which the answer is of the same kind, names them in `x-gateway-dropped` and refuses all else;
 * `refuse` refuses hints too; `drop_all` also leaves out images, sound and tools where the model is known not to take them.
 */
export const unsupportedAction = z.enum(['drop', 'refuse', 'drop_all']);

/** What `consistent_hash` hashes: the virtual key, a header of the request, or the beginning of the conversation. */
const hashOn = z.discriminatedUnion('source', [
  z.object({ source: z.literal('virtualKey') }),
  z.object({ source: z.literal('header'), header: z.string().regex(/^[A-Za-z0-9-]{1,100}$/, 'a header name') }),
  z.object({
    source: z.literal('prompt'),
    /** Characters of the first messages that are hashed. */
    characters: z.number().int().min(1).max(10_000).default(1_000),
  }),
]);

/** How a provider's requests are tried again. */
const retryShape = z.object({
  /** Attempts of one request at this provider, the first included. */
  maxAttempts: z.number().int().min(1).max(10).default(3),
  /** Retries allowed per request, as a share: 0.2 = one for every five requests. */
  budgetRatio: z.number().min(0).max(1).default(0.2),
  /** Retries per second that are allowed however few requests there are. */
  budgetPerSecond: z.number().min(0).max(1_000).default(10),
  /** The wait before the same upstream is tried again is drawn between 0 and this, which doubles with each attempt, ms. */
  baseDelayMs: z.number().int().min(0).max(10_000).default(50),
  /** Longest wait, also when the provider asks for a longer one with Retry-After: then the request goes elsewhere or fails. */
  maxDelayMs: z.number().int().min(0).max(60_000).default(2_000),
});

/** What is set aside for failing, and how it comes back. */
const ejectionShape = z.object({
  /** Failures in a row that set an upstream aside. */
  failures: z.number().int().min(1).max(1_000).default(5),
  /** How long until it is tried again, ms. */
  asideMs: z.number().int().min(100).max(600_000).default(5_000),
  /** Share of the upstreams, percent, that may be set aside; beyond it they take traffic all the same. */
  maxPercent: z.number().int().min(0).max(100).default(50),
  /** Time over which an upstream that is back grows from a tenth to all of its traffic, ms. */
  slowStartMs: z.number().int().min(0).max(600_000).default(10_000),
});

/** How a provider's requests find an upstream, beyond the strategy. */
export const routingShape = z.object({
  hashOn: hashOn.default({ source: 'virtualKey' }),
  retry: retryShape.prefault({}),
  ejection: ejectionShape.prefault({}),
  /**
   * A second upstream is asked too when the first has not answered after so many ms (absent: after what 95 of 100
   * answers took); the first answer wins, the other request is aborted.
   */
  hedge: z.object({ afterMs: z.number().int().min(1).max(60_000).optional() }).optional(),
});

/** A check of an upstream beside the traffic. */
export const healthCheckShape = z.object({
  /** Path below the origin of the base URL; any status below 500 is healthy. */
  path: z.string().regex(/^\/[\x21-\x7e]{0,499}$/, 'a path that begins with /'),
  intervalMs: z.number().int().min(100).max(3_600_000).default(10_000),
  timeoutMs: z.number().int().min(50).max(60_000).default(2_000),
  /** Checks in a row after which it is up, and after which it is down. */
  healthyAfter: z.number().int().min(1).max(100).default(2),
  unhealthyAfter: z.number().int().min(1).max(100).default(3),
});

/** Where else a model is asked for: another provider, another model, or both. */
const fallbackTarget = z
  .object({ providerId: z.string().optional(), model: modelName.optional() })
  .refine(({ providerId, model }) => providerId !== undefined || model !== undefined, {
    message: 'a fallback names a provider, a model, or both',
  });

/** Who answers for a model when its own provider cannot, before a byte has reached the client. */
export const fallbackShape = z.object({
  id: z.string(),
  /** Absent: every namespace; one of the namespace itself goes first. */
  namespaceId: z.string().optional(),
  /** Model as the provider knows it, or a prefix followed by `*`; the exact name goes first, then the longest prefix. */
  model: modelPattern,
  /** Tried in this order. */
  targets: z.array(fallbackTarget).min(1).max(5),
  isEnabled: z.boolean().default(true),
});

/** Keeping whole answers for requests that are asked again, word for word. */
export const cacheShape = z.object({
  ttlSeconds: z.number().int().min(1).max(2_592_000),
  /** Larger answers are not kept, bytes. */
  maxBytes: z.number().int().min(1_024).max(16_777_216).default(1_048_576),
  /** One cache for all who call the namespace; else each tenant, or virtual key without one, has its own. */
  isShared: z.boolean().default(false),
});

export type UnsupportedAction = z.infer<typeof unsupportedAction>;
export type Strategy = z.infer<typeof strategy>;
export type Routing = z.infer<typeof routingShape>;
export type HealthCheck = z.infer<typeof healthCheckShape>;
export type Fallback = z.infer<typeof fallbackShape>;
export type CacheRule = z.infer<typeof cacheShape>;
