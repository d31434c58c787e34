import { z } from 'zod';
import { accountShape } from './account.ts';
import { conditionShape } from './condition.ts';
import { counterNames } from './limits-api.ts';
import { requestRecordShape } from './request-log.ts';

/** `POST /internal/v1/explain` of a gateway: how it would decide a request now. Takes nothing. Bearer `GATEWAY_TOKEN`. */
export const EXPLAIN_PATH = '/internal/v1/explain';

/** A request to explain. Header names in any case; without a body the rules that read one see none. */
export const explainedRequest = z
  .object({
    method: z.string().min(1).max(20).default('POST'),
    path: z.string().min(1).max(2_000).default('/v1/chat/completions'),
    headers: z.record(z.string().max(200), z.string().max(8_000)).default({}),
    query: z.record(z.string().max(200), z.string().max(8_000)).default({}),
    body: z.unknown().optional(),
    /** Id or prefix of the virtual key that the request would come with, so that its secret need not be known. */
    virtualKeyId: z.string().min(1).max(100).optional(),
  })
  .strict();

/** What a gateway is asked. */
export const explainQuestion = z.object({
  request: explainedRequest,
  /** Tokens of an input whose text is not known any more. */
  recordedInputTokens: z.number().int().min(0).optional(),
});

const explainedMatcher = z.object({
  matcherId: z.string(),
  namespaceId: z.string(),
  priority: z.number().int(),
  condition: conditionShape,
  isMatched: z.boolean(),
});

const explainedMessagePolicy = z.object({
  policyId: z.string(),
  policyName: z.string(),
  action: z.enum(['allow', 'deny']),
  isObserved: z.boolean(),
  /** `not_concerned`: its scope leaves the request out. */
  result: z.enum(['passes', 'refuses', 'not_concerned']),
});

const explainedCap = z.object({
  policyId: z.string(),
  policyName: z.string(),
  isObserved: z.boolean(),
  maxInputTokens: z.number().int().optional(),
  maxOutputTokens: z.number().int().optional(),
  isInputExceeded: z.boolean(),
});

/** The level that a layered limit stands at. */
const layer = z.object({
  id: z.string(),
  targetType: z.enum(['global', 'customer_type', 'tenant']),
  targetId: z.string().optional(),
  providerId: z.string().optional(),
  model: z.string().optional(),
  /** Requests or tokens per window. */
  bound: z.number(),
  windowSeconds: z.number().int(),
});

/** One counter of the request, before and after. Amounts as in `limitStatus`. */
export const explainedLimit = z.object({
  ...counterNames.shape,
  /** Set for a layered limit: where it stands, and what stood in less specific places and does not hold. */
  layer: layer.optional(),
  overridden: z.array(layer).default([]),
  bound: z.number(),
  before: z.number(),
  /** Equal to `before` unless the whole request is admitted. */
  after: z.number(),
  isPassed: z.boolean(),
  /** When it would pass, ms from now; absent when it does, or never will. */
  passesInMs: z.number().optional(),
});

const explainedTarget = z.object({
  /** The provider's name, and the model it is asked for: those of a fallback where the target is one. */
  provider: z.string(),
  model: z.string(),
  upstreamId: z.string(),
  baseUrl: z.string(),
  weight: z.number(),
  isHealthy: z.boolean(),
  isChosen: z.boolean(),
});

/** `waits`: it would stand in line for up to `maxWaitMs`. */
export const explainedDecision = z.object({
  kind: z.enum(['admitted', 'waits', 'refused']),
  /** The step that refused, as in docs/request-lifecycle.md. */
  stage: z.string().optional(),
  code: z.string().optional(),
  status: z.number().int().optional(),
  message: z.string().optional(),
  param: z.string().optional(),
  policyIds: z.array(z.string()).default([]),
  /** When the request would pass, ms from now, if nobody else takes the room; absent when it does, or never will. */
  passesInMs: z.number().optional(),
  maxWaitMs: z.number().optional(),
});

/** How a gateway would decide a request, step by step; what was not reached is absent. */
export const explanation = z.object({
  gatewayId: z.string(),
  at: z.iso.datetime(),
  revision: z.number().int(),
  /** In the order of trying, up to the one that matched; of many, the first and the one that matched. */
  matchers: z.array(explainedMatcher),
  matchersTried: z.number().int(),
  namespace: z
    .object({
      id: z.string(),
      code: z.string(),
      isEnabled: z.boolean(),
      authMode: z.enum(['open', 'key']),
      maxWaitMs: z.number().int(),
    })
    .optional(),
  caller: z
    .object({
      kind: z.enum(['anonymous', 'key']),
      virtualKeyId: z.string().optional(),
      name: z.string().optional(),
      tenantId: z.string().optional(),
      customerTypeId: z.string().optional(),
      /** The account that pays. */
      account: accountShape.pick({ id: true, status: true, standing: true }).optional(),
    })
    .optional(),
  model: z
    .object({ requested: z.string(), resolved: z.string(), providerId: z.string(), provider: z.string() })
    .optional(),
  messagePolicies: z.array(explainedMessagePolicy),
  caps: z.array(explainedCap),
  /** Absent when nothing counts tokens. `isRecorded`: known from the log, not counted now. */
  input: z.object({ tokens: z.number().int(), isExact: z.boolean(), isRecorded: z.boolean() }).optional(),
  /** The most output tokens; `policyId` is absent when the client says so. Absent as a whole when nobody does. */
  outputCap: z.object({ tokens: z.number().int(), policyId: z.string().optional() }).optional(),
  /** What the limits are asked for. `isGuess`: the client names no maximum, so less is taken where there is less room. */
  demand: z.object({ inputTokens: z.number().int(), outputTokens: z.number().int(), isGuess: z.boolean() }).optional(),
  /** In the order in which they would be tried. */
  targets: z.array(explainedTarget),
  limitStore: z.enum(['shared', 'process', 'degraded']).optional(),
  limits: z.array(explainedLimit),
  decision: explainedDecision,
});

/** What the config center answers: the explanation, and for a request of the log what happened and what is not known. */
export const explainAnswer = explanation.extend({
  recorded: requestRecordShape.optional(),
  /** Parts of the recorded request that the log does not keep, and what was put in their place. */
  notRecorded: z.array(z.string()).default([]),
});

export type ExplainedRequest = z.infer<typeof explainedRequest>;
export type ExplainQuestion = z.infer<typeof explainQuestion>;
export type Explanation = z.infer<typeof explanation>;
export type ExplainedLimit = z.infer<typeof explainedLimit>;
export type ExplainAnswer = z.infer<typeof explainAnswer>;
