import { z } from 'zod';

/** `GET /internal/v1/limits?namespaceId=` of a gateway: its counters and what runs. Bearer `GATEWAY_TOKEN`. */
export const LIMITS_PATH = '/internal/v1/limits';

/** Which counter it is. */
export const counterNames = z.object({
  /** Policy or layered limit that the counter belongs to. */
  policyId: z.string(),
  policyName: z.string(),
  key: z.string(),
  /** Whose counter it is, where a policy counts separately: ids and names in the order of the key. */
  countedFor: z.string().optional(),
  kind: z.enum(['requestRate', 'concurrency', 'window']),
  /** What is counted. */
  counts: z.enum(['requests', 'slots', 'total', 'input', 'output', 'cost']),
  isObserved: z.boolean(),
});

/** One counter as it stands, read from the state that decides. */
export const limitStatus = z.object({
  ...counterNames.shape,
  /** Requests, slots, tokens, or micro-units of money. */
  current: z.number(),
  limit: z.number(),
  remaining: z.number(),
  /** The interval that counts now; absent for slots. */
  windowStartAt: z.iso.datetime().optional(),
  windowEndAt: z.iso.datetime().optional(),
  /** Milliseconds until nothing is used any more if no request comes. */
  resetMs: z.number().int(),
});

/** A request that holds a reservation. */
export const inFlightRequest = z.object({
  reservationId: z.string(),
  requestId: z.string(),
  gatewayId: z.string(),
  namespaceId: z.string(),
  virtualKeyId: z.string().optional(),
  model: z.string().optional(),
  admittedAt: z.iso.datetime(),
  inputTokens: z.number().int(),
  /** Output tokens up to the last report of its gateway, at most some seconds old. */
  outputTokensSoFar: z.number().int(),
  reservedOutputTokens: z.number().int(),
});

/** Counters and running requests of one namespace. */
export const limitsReport = z.object({
  /** `shared`: counted over all gateways. `process`: this gateway alone. `degraded`: alone, because the store is away. */
  store: z.enum(['shared', 'process', 'degraded']),
  limits: z.array(limitStatus),
  inFlight: z.array(inFlightRequest),
  /** All that run, of which `inFlight` lists the oldest. */
  inFlightTotal: z.number().int(),
  waiting: z.number().int(),
});

export type LimitStatus = z.infer<typeof limitStatus>;
export type InFlightRequest = z.infer<typeof inFlightRequest>;
export type LimitsReport = z.infer<typeof limitsReport>;
