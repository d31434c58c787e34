import { z } from 'zod';
import { layeredControlDraft, layeredLimitShape } from './layered-limit.ts';
import { lintFinding } from './lint.ts';
import { locationShape } from './location.ts';
import { modelShape, redirectShape } from './model.ts';
import { matcherShape, namespaceShape } from './namespace.ts';
import { customerTypeShape, tenantShape } from './payer.ts';
import { policyRuleDraft, policyScope, policyShape } from './policy.ts';
import { portkeyConfigShape } from './portkey-config.ts';
import { priceShape, rateShape } from './price.ts';
import { providerShape, upstreamShape } from './provider.ts';
import { virtualKeyShape } from './virtual-key.ts';

/** How a row of a file names another one: its code or name, or provider and base URL of an upstream. */
const nameOfRow = z.string().min(1).max(600);
const optionalName = nameOfRow.optional();

const scopeInFile = policyScope
  .pick({ model: true })
  .extend({
    virtualKey: optionalName,
    tenant: optionalName,
    customerType: optionalName,
    provider: optionalName,
    upstream: optionalName,
  })
  .strict();

/**
 * The rules as one file for people: rows name each other by names instead of ids, and no secret is in it.
 * A list that is left out is left alone. Lists stand in the order in which rows can be written.
 */
export const ruleSetShape = z.strictObject({
  /** Of the format. */
  version: z.literal(1),
  customerTypes: z.array(customerTypeShape.omit({ id: true }).strict()).optional(),
  tenants: z
    .array(tenantShape.omit({ id: true, customerTypeId: true }).extend({ customerType: optionalName }).strict())
    .optional(),
  providers: z.array(providerShape.omit({ id: true }).strict()).optional(),
  upstreams: z
    .array(upstreamShape.omit({ id: true, providerId: true }).extend({ provider: nameOfRow }).strict())
    .optional(),
  namespaces: z
    .array(
      namespaceShape
        .omit({ id: true, defaultProviderId: true, defaultUpstreamId: true })
        .extend({ defaultProvider: optionalName, defaultUpstream: optionalName })
        .strict(),
    )
    .optional(),
  /** Only changes keys that exist: a secret cannot come from a file. `prefix` tells apart keys of one name. */
  virtualKeys: z
    .array(
      virtualKeyShape
        .omit({
          id: true,
          secretHash: true,
          previousSecretHash: true,
          previousUntil: true,
          statusReason: true,
          userId: true,
          namespaceIds: true,
          tenantId: true,
          customerTypeId: true,
        })
        .extend({
          prefix: z.string().max(20).optional(),
          namespaces: z.array(nameOfRow).max(1000).default([]),
          tenant: optionalName,
          customerType: optionalName,
        })
        .strict(),
    )
    .optional(),
  prices: z.array(priceShape.omit({ id: true, providerId: true }).extend({ provider: nameOfRow }).strict()).optional(),
  /** Without a customer type: of everybody. */
  rates: z
    .array(
      rateShape
        .omit({ id: true, providerId: true, customerTypeId: true })
        .extend({ provider: nameOfRow, customerType: optionalName })
        .strict(),
    )
    .optional(),
  matchers: z
    .array(matcherShape.omit({ id: true, namespaceId: true }).extend({ namespace: nameOfRow }).strict())
    .optional(),
  layeredLimits: z
    .array(
      layeredLimitShape
        .omit({ id: true, targetId: true, providerId: true })
        .extend({ target: optionalName, provider: optionalName, limit: layeredControlDraft })
        .strict(),
    )
    .optional(),
  policies: z
    .array(
      policyShape
        .omit({ id: true, namespaceId: true })
        .extend({ namespace: optionalName, scope: scopeInFile.default({}), rule: policyRuleDraft })
        .strict(),
    )
    .optional(),
  models: z.array(modelShape.omit({ id: true, providerId: true }).extend({ provider: nameOfRow }).strict()).optional(),
  redirects: z
    .array(redirectShape.omit({ id: true, namespaceId: true }).extend({ namespace: optionalName }).strict())
    .optional(),
  locations: z
    .array(
      locationShape
        .omit({ id: true, providerId: true, upstreamId: true })
        .extend({ provider: optionalName, upstream: optionalName })
        .strict(),
    )
    .optional(),
  portkeyConfigs: z
    .array(
      portkeyConfigShape
        .omit({ id: true, providerId: true, targets: true })
        .extend({
          provider: nameOfRow,
          targets: z
            .array(
              portkeyConfigShape.shape.targets.element
                .omit({ providerId: true, upstreamId: true })
                .extend({ provider: nameOfRow, upstream: optionalName })
                .strict(),
            )
            .min(1)
            .max(10),
        })
        .strict(),
    )
    .optional(),
});

/** A file as it is sent: its text in YAML or JSON, or the JSON value itself. */
const sentFile = z.union([z.string(), z.record(z.string(), z.unknown())]);

export const ruleSetDiffRequest = z.strictObject({
  file: sentFile,
  /** Whether rows that the file does not have are to be deleted, in the lists that it has; never virtual keys. */
  prune: z.boolean().default(false),
});

export const ruleSetApplyRequest = ruleSetDiffRequest.extend({
  /** Refuses when the rules have moved on since. */
  expectedRevision: z.number().int().min(0).optional(),
  dryRun: z.boolean().default(false),
});

/** What a file would do, or has done, row by row. */
export const ruleSetChange = z.object({
  action: z.enum(['create', 'update', 'delete']),
  /** List of the file: `namespaces`, `virtualKeys`. */
  kind: z.string(),
  /** Of the row that is there; absent for one that is to be created. */
  id: z.string().optional(),
  name: z.string(),
  /** What differs; an absent `before` or `after`: the field was, or would be, not set. */
  fields: z.array(z.object({ field: z.string(), before: z.unknown().optional(), after: z.unknown().optional() })),
});

export const ruleSetPlan = z.object({
  /** Newest revision of the rules: before a comparison, after a change. */
  revision: z.number().int(),
  isApplied: z.boolean(),
  changes: z.array(ruleSetChange),
  /** What would be, or is, doubtful about the rules by the file and was not before. */
  findings: z.array(lintFinding),
});

export type RuleSet = z.infer<typeof ruleSetShape>;
export type RuleSetList = Exclude<keyof RuleSet, 'version'>;
export type RuleSetChange = z.infer<typeof ruleSetChange>;
export type RuleSetPlan = z.infer<typeof ruleSetPlan>;
