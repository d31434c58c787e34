import { z } from 'zod';

/** How an ended request is charged; see docs/request-lifecycle.md. */
export const outcomeKind = z.enum([
  'completed',
  'cut',
  'client_left',
  'upstream_failed',
  'partial',
  'refused',
  'crashed',
]);

/** Where the token numbers come from: the provider's report, an exact own count, or an estimate. */
export const usageSource = z.enum(['provider', 'counted', 'estimated', 'none']);

/** One immutable record per request that reached a namespace; logged at its end, keyed by `requestId`. */
export const usageEventShape = z.object({
  requestId: z.string(),
  at: z.iso.datetime(),
  namespace: z.string(),
  virtualKeyId: z.string().optional(),
  requestedModel: z.string(),
  resolvedModel: z.string(),
  provider: z.string().optional(),
  upstreamId: z.string().optional(),
  isStream: z.boolean(),
  outcome: outcomeKind,
  status: z.number().int(),
  errorCode: z.string().optional(),
  refusedByPolicyIds: z.array(z.string()).default([]),
  /** Policies in observe mode that would have refused. */
  observedPolicyIds: z.array(z.string()).default([]),
  inputTokens: z.number().int().min(0),
  outputTokens: z.number().int().min(0),
  usageSource,
  /** Bytes of bodies that were passed through untouched. */
  bytesIn: z.number().int().min(0).optional(),
  bytesOut: z.number().int().min(0).optional(),
  /** Milliseconds from arrival to the last byte, and to the first byte of the answer. */
  durationMs: z.number().min(0),
  firstByteMs: z.number().min(0).optional(),
  attempts: z.number().int().min(0),
  revision: z.number().int(),
});

export type OutcomeKind = z.infer<typeof outcomeKind>;
export type UsageSource = z.infer<typeof usageSource>;
export type UsageEvent = z.infer<typeof usageEventShape>;
