import { z } from 'zod';
import { modelPattern } from './model-name.ts';
import { priority } from './namespace.ts';
import { healthCheckShape, routingShape, strategy, unsupportedAction } from './routing.ts';

/**
 * Wire formats of providers. `openai` is also what OpenAI-compatible servers speak (vLLM, Ollama and many others);
 * `openai-responses` offers OpenAI's Responses API as well; `dashscope` is its own form, not its compatible mode;
 * `portkey` is a Portkey gateway, which asks other providers by a `PortkeyConfig`.
 */
export const providerDialect = z.enum([
  'openai',
  'openai-responses',
  'anthropic',
  'azure-openai',
  'dashscope',
  'deepseek',
  'gemini',
  'moonshot',
  'portkey',
  'zhipu',
]);

/** Named supplier account with one wire dialect. */
export const providerShape = z.object({
  id: z.string(),
  name: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,49}$/, 'lower-case letters, digits, "-" and "_", 1 to 50 characters'),
  dialect: providerDialect.default('openai'),
  /** Where neither the location nor the namespace of a request says it. */
  onUnsupported: unsupportedAction.default('drop'),
  /**
   * Name of the gateway's environment variable that holds a secret: one more key beside the provider keys.
   * Only names ending in `_API_KEY` are read, so that a rule cannot send other secrets of the process to an upstream.
   */
  apiKeyEnv: z
    .string()
    .regex(/^[A-Z][A-Z0-9_]{0,90}_API_KEY$/, 'an environment variable name ending in _API_KEY')
    .optional(),
  /** Models this provider serves. A model goes to the enabled provider of smallest priority that lists it. */
  models: z.array(modelPattern).max(1000),
  priority,
  isEnabled: z.boolean().default(true),
  /** How its upstreams share the requests. */
  strategy: strategy.default('weighted'),
  routing: routingShape.optional(),
});

/** One base URL of a provider; the unit of health and weight. */
export const upstreamShape = z.object({
  id: z.string(),
  providerId: z.string(),
  /** With or without a trailing `/v1`; both reach `/v1/chat/completions`. */
  baseUrl: z.url({ protocol: /^https?$/ }).max(500),
  weight: z.number().int().min(1).max(1000).default(1),
  isEnabled: z.boolean().default(true),
  connectTimeoutMs: z.number().int().min(100).max(60_000).default(5_000),
  firstByteTimeoutMs: z.number().int().min(100).max(600_000).default(60_000),
  idleTimeoutMs: z.number().int().min(100).max(600_000).default(60_000),
  totalTimeoutMs: z.number().int().min(1000).max(3_600_000).default(600_000),
  /** Place among the upstreams of the provider for the strategy `first_available`. */
  priority,
  /** A canary: it gets this share of the provider's requests, percent, and no other while another upstream works. */
  canaryPercent: z.number().int().min(0).max(100).optional(),
  /** Requests of one gateway that it may answer at a time. */
  maxConcurrent: z.number().int().min(1).max(1_000_000).optional(),
  /** Absent: only requests show whether it works. */
  healthCheck: healthCheckShape.optional(),
});

export type Provider = z.infer<typeof providerShape>;
export type Upstream = z.infer<typeof upstreamShape>;
