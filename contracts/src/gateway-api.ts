import { z } from 'zod';

/**
 * `GET /internal/v1/rules?epoch=&revision=&waitMs=`: the newest snapshot (200), or 304 when nothing newer than the
 * named epoch and revision came within `waitMs` (long poll). Headers of 200: `x-snapshot-sha256` of the snapshot,
 * `x-snapshot-revision`, `x-snapshot-signature`, and `x-snapshot-form`: `body`, or `deltas` when the answer is a list of
 * what led from the named revision to the newest, each one of `RulesDelta`. Who names no revision gets the body. Bearer
 * `GATEWAY_TOKEN`.
 */
export const RULES_PATH = '/internal/v1/rules';

/** Longest wait of one long poll, ms. */
export const MAX_RULES_WAIT_MS = 30_000;

/** `POST /internal/v1/gateways/report` every second: what the gateway runs and counts. Bearer `GATEWAY_TOKEN`. */
export const REPORT_PATH = '/internal/v1/gateways/report';

/** Running totals of one namespace since the gateway started; the receiver takes differences. */
export const namespaceTotals = z.object({
  namespaceId: z.string(),
  requests: z.number().int().min(0),
  refused: z.number().int().min(0),
  failed: z.number().int().min(0),
  inputTokens: z.number().int().min(0),
  outputTokens: z.number().int().min(0),
  inFlight: z.number().int().min(0),
});

/** A secret of a provider that a gateway cannot use. */
export const unusableKey = z.object({
  /** Id of the provider key, or `env:` and the name of a variable. */
  keyId: z.string().max(100),
  provider: z.string().max(100),
  reason: z.string().max(500),
});

/** `instanceId` is drawn at each start, so that totals falling back to zero are not taken for negative rates. */
export const gatewayReport = z.object({
  gatewayId: z.string().min(1).max(100),
  instanceId: z.string().min(1).max(100),
  version: z.string().max(50),
  /** Where the config center reaches the gateway; without it, the report's sender at `port`. */
  internalUrl: z.url({ protocol: /^https?$/ }).optional(),
  port: z.number().int().min(0).max(65_535).default(0),
  /** When the gateway said so, on its clock, ms: orders reports that come on several ways. */
  reportedAtMs: z.number().min(0).optional(),
  epoch: z.string(),
  revision: z.number().int().min(0),
  /** Seconds since Redis or the config center last confirmed the rules in force. */
  rulesAgeSeconds: z.number().min(0).default(0),
  /** Why the newest revision was refused, when it was. */
  refusedRevision: z
    .object({ revision: z.number().int(), reason: z.string().transform((reason) => reason.slice(0, 2000)) })
    .optional(),
  /** Secrets of providers that the gateway cannot use, and why. */
  unusableKeys: z.array(unusableKey).max(1000).default([]),
  /** Ids of upstreams that the gateway has set aside for failing; each gateway judges for itself. */
  asideUpstreams: z.array(z.string().max(100)).max(1000).default([]),
  namespaces: z.array(namespaceTotals).max(20_000),
});

/** What the config center answers to a report. */
export const reportAnswer = z.object({
  /** Gateways that are live, this one among them. */
  gateways: z.number().int().min(1).max(100_000),
});

export type ReportAnswer = z.infer<typeof reportAnswer>;
export type NamespaceTotals = z.infer<typeof namespaceTotals>;
export type UnusableKey = z.infer<typeof unusableKey>;
export type GatewayReport = z.infer<typeof gatewayReport>;
