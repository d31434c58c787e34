import { z } from 'zod';
import { conditionShape } from './condition.ts';
import { modelPattern } from './model-name.ts';
import { money } from './money.ts';
import { priority } from './namespace.ts';

const MAX_TOKENS = 1_000_000_000_000;
const MAX_WINDOW_SECONDS = 30 * 24 * 3600;

/** At most `maxQps * windowSeconds` requests per `windowSeconds`. */
export const qpsLimit = z.object({
  kind: z.literal('qps-limit'),
  /** Requests per second; fractions allowed (0.5 = one request in two seconds, 0.00002 = about two a day). */
  maxQps: z.number().min(0.000_01).max(1_000_000),
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

/** Requests that may be admitted in any window of `windowSeconds`. */
export const requestWindow = z.object({
  windowSeconds: z.number().int().min(1).max(MAX_WINDOW_SECONDS),
  maxRequests: z.number().int().min(1).max(1_000_000_000),
});

/** At most `maxRequests` in any window; several windows at once (per minute and per day). */
export const requestLimit = z.object({
  kind: z.literal('request-limit'),
  windows: z.array(requestWindow).min(1).max(10),
});

/** Money that requests admitted in any window of `windowSeconds` may cost, at the provider's price. */
export const budgetWindow = z.object({
  windowSeconds: z.number().int().min(1).max(MAX_WINDOW_SECONDS),
  maxAmount: money,
});

/** At most `maxAmount` spent in any window. A model without a price is refused, because its cost is unknown. */
export const budgetLimit = z.object({
  kind: z.literal('budget-limit'),
  windows: z.array(budgetWindow).min(1).max(10),
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
export const policyRule = z.discriminatedUnion('kind', [
  qpsLimit,
  requestLimit,
  concurrencyLimit,
  tokenLimit,
  budgetLimit,
  messageMatching,
]);

/** The same for what people write: a field that does not exist is a fault, not ignored, at every depth. */
export const policyRuleDraft = z.discriminatedUnion('kind', [
  qpsLimit.strict(),
  requestLimit.extend({ windows: z.array(requestWindow.strict()).min(1).max(10) }).strict(),
  concurrencyLimit.strict(),
  tokenLimit.extend({ windows: z.array(tokenWindow.strict()).max(10).default([]) }).strict(),
  budgetLimit.extend({ windows: z.array(budgetWindow.strict()).min(1).max(10) }).strict(),
  messageMatching.extend({ condition: conditionShape.strict() }).strict(),
]);

/** Which requests a policy concerns, beside its namespace. Every field that is set must fit; empty means all. */
export const policyScope = z.object({
  virtualKeyId: z.string().optional(),
  tenantId: z.string().optional(),
  customerTypeId: z.string().optional(),
  providerId: z.string().optional(),
  upstreamId: z.string().optional(),
  /** A model as the provider knows it, or a prefix followed by `*`. */
  model: modelPattern.optional(),
});

/** What a policy may count separately: one counter per value, or per combination of values. */
export const countedPer = z.enum([
  'namespace',
  'virtualKey',
  'tenant',
  'customerType',
  'provider',
  'model',
  'upstream',
]);

/**
 * What happens while the shared counters cannot be reached. `local`: this gateway counts alone, with its share of the
 * limit. `closed`: refuse with 503. `open`: let pass, uncounted.
 */
export const onLimiterDown = z.enum(['local', 'closed', 'open']);

/** Which requests a policy concerns and what it demands of them; every enabled policy that concerns a request must pass. */
export const policyShape = z.object({
  id: z.string(),
  /** Absent: every namespace. */
  namespaceId: z.string().optional(),
  scope: policyScope.default({}),
  /** Empty: one counter for all requests that the policy concerns. */
  countPer: z.array(countedPer).max(4).default([]),
  name: z.string().min(1).max(100),
  description: z.string().max(500).default(''),
  priority,
  isEnabled: z.boolean().default(true),
  /** `observe` counts and logs what it would have refused, and refuses nothing. */
  mode: z.enum(['enforce', 'observe']).default('enforce'),
  onLimiterDown: onLimiterDown.default('local'),
  rule: policyRule,
});

export type QpsLimit = z.infer<typeof qpsLimit>;
export type RequestLimit = z.infer<typeof requestLimit>;
export type BudgetLimit = z.infer<typeof budgetLimit>;
export type PolicyScope = z.infer<typeof policyScope>;
export type CountedPer = z.infer<typeof countedPer>;
export type OnLimiterDown = z.infer<typeof onLimiterDown>;
export type ConcurrencyLimit = z.infer<typeof concurrencyLimit>;
export type TokenLimit = z.infer<typeof tokenLimit>;
export type TokenWindow = z.infer<typeof tokenWindow>;
export type MessageMatching = z.infer<typeof messageMatching>;
export type PolicyRule = z.infer<typeof policyRule>;
export type PolicyKind = PolicyRule['kind'];
export type Policy = z.infer<typeof policyShape>;
