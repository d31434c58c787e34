import { z } from 'zod';
import { modelName } from './model-name.ts';
import { priority } from './namespace.ts';

/** What a model can do; `text` alone says that it can do nothing else. */
export const modelCapability = z.enum(['text', 'vision', 'tools', 'reasoning', 'json_schema', 'audio', 'embeddings']);

/** What is known of one model of a provider; a model may also be only listed in the provider's `models`. */
export const modelShape = z.object({
  id: z.string(),
  providerId: z.string(),
  /** As clients, limits, prices and lists of allowed models call it. */
  name: modelName,
  /** As the provider calls it; absent: the same. */
  upstreamName: modelName.optional(),
  /** Other names that clients may use for it. */
  aliases: z.array(modelName).max(20).default([]),
  /** Tokens that input and output may have together; a request that asks for more is refused. */
  contextTokens: z.number().int().min(1).max(1_000_000_000).optional(),
  /** Output tokens per choice; joins the caps of a request. */
  maxOutputTokens: z.number().int().min(1).max(1_000_000_000).optional(),
  /** Empty: nothing is known. Else requests that need one that is missing are treated by `onUnsupported`. */
  capabilities: z.array(modelCapability).max(10).default([]),
  /** A model that is switched off is not served, even where the provider's list names it. */
  isEnabled: z.boolean().default(true),
});

/** Replaces the name of a model that a client asks for, before anything else is made of it. */
export const redirectShape = z.object({
  id: z.string(),
  /** Absent: every namespace. */
  namespaceId: z.string().optional(),
  /** The name that is asked for; `*` stands for any part of it. */
  model: z.string().regex(/^[A-Za-z0-9._:/@*-]{1,128}$/, 'a model name in which * stands for any part'),
  /** `model` or `provider/model`; each `*` is replaced by what those of `model` stand for, in order. */
  target: z.string().regex(/^[A-Za-z0-9._:/@*-]{1,128}$/, 'a model name; each * repeats one of the model'),
  priority,
  isEnabled: z.boolean().default(true),
});

export type ModelCapability = z.infer<typeof modelCapability>;
export type Model = z.infer<typeof modelShape>;
export type Redirect = z.infer<typeof redirectShape>;
