import { z } from 'zod';
import { chargeTerms } from './account.ts';
import { usageEventShape } from './usage.ts';

/** `POST /internal/v1/request-log` of the config center: a batch of records, when there is no Redis. Bearer `GATEWAY_TOKEN`. */
export const REQUEST_LOG_PATH = '/internal/v1/request-log';

/** Stream in Redis with one batch per entry (field `batch`, JSON); an entry is deleted once it is in SQL. */
export const REQUEST_LOG_STREAM = '{requests}:log';

/** Consumer group of the config centers. */
export const REQUEST_LOG_GROUP = 'config-center';

/** Records of one batch. */
export const REQUEST_LOG_BATCH = 200;

/** How a request is answered; `passthrough`: its body is not read (files, audio, images), so its tokens are unknown. */
export const requestKind = z.enum(['stream', 'plain', 'passthrough']);

/**
 * Values that matchers read, by name. Fields that may hold a prompt or a secret are left out, and values end after
 * MATCHED_VALUE_LENGTH characters.
 */
export const matchedFields = z.object({
  headers: z.record(z.string(), z.string()).default({}),
  query: z.record(z.string(), z.string()).default({}),
  /** By dotted path. */
  body: z.record(z.string(), z.string()).default({}),
});

export const MATCHED_VALUE_LENGTH = 200;

/** One ended request, as far as it is kept: no prompt, no answer, no secret. */
export const requestRecordShape = usageEventShape.extend({
  /** Drawn by the gateway for this record: a record that comes twice is kept once. A request id may come from the client. */
  recordId: z.string().min(1).max(40),
  gatewayId: z.string().max(100),
  method: z.string().max(20),
  /** Without the query, at most 500 characters. */
  path: z.string().max(500),
  namespaceId: z.string().max(40).optional(),
  matcherId: z.string().max(40).optional(),
  matched: matchedFields.optional(),
  /** Whose virtual key it was. */
  userId: z.string().max(40).optional(),
  tenantId: z.string().max(40).optional(),
  customerTypeId: z.string().max(40).optional(),
  providerId: z.string().max(40).optional(),
  /** Model by which `countPer: model` counts: the model, or the pattern that lists it. */
  listedModel: z.string().max(200).optional(),
  /** Set once the limits of the request were planned. */
  kind: requestKind.optional(),
  /** The client's maximum, tokens per choice, and how many choices it asked for; 0 where none has tokens (embeddings). */
  clientMaxTokens: z.number().int().min(1).optional(),
  choices: z.number().int().min(0).default(1),
  /** What the limits were asked for, in tokens; `inputTokens` is 0 where nothing counts tokens. */
  demand: z.object({ inputTokens: z.number().int().min(0), outputTokens: z.number().int().min(0) }).optional(),
  /** The most output tokens that were allowed, and the policy that said so; without one, the client. */
  outputCap: z.object({ tokens: z.number().int(), policyId: z.string().optional() }).optional(),
  /** Who is charged for its tokens; absent when nobody is. */
  charge: chargeTerms.optional(),
  /** Time in line for a limit, ms. */
  waitedMs: z.number().min(0).default(0),
});

/** Body of REQUEST_LOG_PATH and of an entry of the stream. */
export const requestLogBatch = z.object({ records: z.array(requestRecordShape).max(REQUEST_LOG_BATCH) });

export type RequestLogRecord = z.infer<typeof requestRecordShape>;
export type MatchedFields = z.infer<typeof matchedFields>;
export type RequestKind = z.infer<typeof requestKind>;
