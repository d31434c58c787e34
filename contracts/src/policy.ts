import { z } from 'zod';
import { conditionShape } from './condition.ts';
import { priority } from './namespace.ts';

const MAX_TOKENS = 1_000_000_000_000;
const MAX_WINDOW_SECONDS = 30 * 24 * 3600;

/** At most `maxQps * windowSeconds` requests per `windowSeconds`. */
export const qpsLimit = z.object({
  kind: z.literal('qps-limit'),
  /** Requests per second; fractions allowed (0.5 = one request in two seconds). */
  maxQps: z.number().positive().max(1_000_000),
  windowSeconds: z.number().int().min(1).max(86_400).default(1),
  /** `gcra`: smooth rate with bursts. `strict`: never more than the product in any window, at the price of some throughput. */
  algorithm: z.enum(['gcra', 'strict']).default('gcra'),
  /** Requests that may come at once (gcra only). Default: one window's worth, at least 1. */
  burst: z.number().int().min(1).max(1_000_000).optional(),
});

/** At most `maxConcurrent` requests in flight. */
export const concurrencyLimit = z.object({
  kind: z.literal('concurrency-limit'),
  maxConcurrent: z.number().int().min(1).max(1_000_000),
});

/** Tokens that may be admitted in any window of `windowSeconds`. */
export const tokenWindow = z.object({
  windowSeconds: z.number().int().min(1).max(MAX_WINDOW_SECONDS),
  maxTokens: z.number().int().min(1).max(MAX_TOKENS),
  /** Which tokens the window counts. */
  counts: z.enum(['total', 'input', 'output']).default('total'),
});

/** Caps of one request and windows over many. At least one of them is set. */
export const tokenLimit = z.object({
  kind: z.literal('token-limit'),
  maxInputTokens: z.number().int().min(1).max(MAX_TOKENS).optional(),
  maxOutputTokens: z.number().int().min(1).max(MAX_TOKENS).optional(),
  windows: z.array(tokenWindow).max(10).default([]),
  /** Which requests the policy applies to. */
  appliesTo: z.enum(['all', 'stream', 'non-stream']).default('all'),
  /** Whether an estimate will do when the token service cannot count: `exact` refuses with 503, `estimate` goes on, flagged. */
  counting: z.enum(['exact', 'estimate']).default('estimate'),
});

/** `allow`: only requests that match pass. `deny`: requests that match are refused. A missing field never matches. */
export const messageMatching = z.object({
  kind: z.literal('message-matching'),
  condition: conditionShape,
  action: z.enum(['allow', 'deny']),
});

/** What a policy does, by kind. */
export const policyRule = z.discriminatedUnion('kind', [qpsLimit, concurrencyLimit, tokenLimit, messageMatching]);

/** The same for what people write: a field that does not exist is a fault, not ignored, at every depth. */
export const policyRuleDraft = z.discriminatedUnion('kind', [
  qpsLimit.strict(),
  concurrencyLimit.strict(),
  tokenLimit.extend({ windows: z.array(tokenWindow.strict()).max(10).default([]) }).strict(),
  messageMatching.extend({ condition: conditionShape.strict() }).strict(),
]);

/** A rule of one namespace; all enabled policies of the namespace must pass. */
export const policyShape = z.object({
  id: z.string(),
  namespaceId: z.string(),
  name: z.string().min(1).max(100),
  description: z.string().max(500).default(''),
  priority,
  isEnabled: z.boolean().default(true),
  /** `observe` counts and logs what it would have refused, and refuses nothing. */
  mode: z.enum(['enforce', 'observe']).default('enforce'),
  rule: policyRule,
});

export type QpsLimit = z.infer<typeof qpsLimit>;
export type ConcurrencyLimit = z.infer<typeof concurrencyLimit>;
export type TokenLimit = z.infer<typeof tokenLimit>;
export type TokenWindow = z.infer<typeof tokenWindow>;
export type MessageMatching = z.infer<typeof messageMatching>;
export type PolicyRule = z.infer<typeof policyRule>;
export type PolicyKind = PolicyRule['kind'];
export type Policy = z.infer<typeof policyShape>;
