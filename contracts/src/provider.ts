import { z } from 'zod';
import { priority } from './namespace.ts';

/** A model name on the wire: `gpt-4o`, `deepseek-ai/deepseek-v3`, `Qwen2.5-72B-Instruct-GPTQ-int4`. */
export const modelName = z.string().regex(/^[A-Za-z0-9._:/@-]{1,128}$/, 'letters, digits and . _ : / @ -, at most 128');

/** An exact model name, or a prefix ending in `*`. */
export const modelPattern = z
  .string()
  .regex(/^[A-Za-z0-9._:/@-]{0,127}\*?$/, 'a model name, or a prefix followed by *')
  .min(1);

/**
 * Wire formats of providers. `openai` is also what OpenAI-compatible servers speak (vLLM, Ollama and many others);
 * `openai-responses` offers OpenAI's Responses API as well; `dashscope` is its own form, not its compatible mode.
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
  'zhipu',
]);

/** Named supplier account with one wire dialect. */
export const providerShape = z.object({
  id: z.string(),
  name: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,49}$/, 'lower-case letters, digits, "-" and "_", 1 to 50 characters'),
  dialect: providerDialect.default('openai'),
  /**
   * What becomes of a request with fields that the dialect cannot carry and the answer does not depend on: they are
   * left out and named in `x-gateway-dropped`, or the request is refused. Others are always refused.
   */
  onUnsupported: z.enum(['drop', 'refuse']).default('drop'),
  /**
   * Name of the gateway's environment variable that holds the secret. The secret itself is never stored.
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
});

export type Provider = z.infer<typeof providerShape>;
export type Upstream = z.infer<typeof upstreamShape>;
