import { z } from 'zod';
import { conditionShape } from './condition.ts';
import { cacheShape, unsupportedAction } from './routing.ts';

/** A model name, also with its provider in front, in which `*` stands for any part. */
export const modelGlob = z
  .string()
  .regex(/^[A-Za-z0-9._:/@*-]{1,128}$/, 'a model name, or provider/model, in which * stands for any part');

/** Smaller numbers are tried first, everywhere in the product. */
export const priority = z.number().int().min(1).max(10_000).default(100);

/** `open`: anyone who matches may call. `key`: a virtual key is required. */
export const authMode = z.enum(['open', 'key']);

/** Traffic class (a channel). A request belongs to at most one, found by its matchers. */
export const namespaceShape = z.object({
  id: z.string(),
  code: z
    .string()
    .regex(
      /^[a-z0-9][a-z0-9_-]{0,49}$/,
      'lower-case letters, digits, "-" and "_", 1 to 50 characters, no leading sign',
    ),
  name: z.string().min(1).max(100),
  description: z.string().max(500).default(''),
  isEnabled: z.boolean().default(true),
  authMode: authMode.default('key'),
  /** How long a request that a limit refuses may wait for room, ms; 0 = it is refused at once. */
  maxWaitMs: z.number().int().min(0).max(60_000).default(0),
  /** Requests of this namespace that may wait at a time, over all gateways. */
  maxWaiting: z.number().int().min(1).max(10_000).default(100),
  /** Share of this namespace where waiting namespaces compete for the same limit. */
  weight: z.number().int().min(1).max(1000).default(1),
  /** Absent: every answer comes from a provider. */
  cache: cacheShape.optional(),
  /** Models that may be used here, also as `provider/model`; empty means all. */
  allowedModels: z.array(modelGlob).max(1000).default([]),
  /** Models that may not; goes before `allowedModels`. */
  deniedModels: z.array(modelGlob).max(1000).default([]),
  /** Serves a model, if it has it, where neither the request nor a location names a provider. */
  defaultProviderId: z.string().optional(),
  /** The upstream of that provider that is tried first; alone it stands for its provider too. */
  defaultUpstreamId: z.string().optional(),
  /** Absent: as the provider says. That of a location goes before it. */
  onUnsupported: unsupportedAction.optional(),
});

/** Assigns requests to a namespace. All enabled matchers are tried in order of priority, then source, then id. */
export const matcherShape = conditionShape.extend({
  id: z.string(),
  namespaceId: z.string(),
  priority,
  isEnabled: z.boolean().default(true),
});

export type AuthMode = z.infer<typeof authMode>;
export type Namespace = z.infer<typeof namespaceShape>;
export type Matcher = z.infer<typeof matcherShape>;
