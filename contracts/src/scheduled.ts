import { z } from 'zod';
import { ruleSetDiffRequest } from './rule-set.ts';

/** Resources whose rows can be written at a set time. */
export const scheduledResource = z.enum([
  'namespaces',
  'matchers',
  'policies',
  'providers',
  'upstreams',
  'customerTypes',
  'tenants',
  'prices',
  'rates',
  'layeredLimits',
  'models',
  'redirects',
  'locations',
  'fallbacks',
  'portkeyConfigs',
]);

const resource = { resource: scheduledResource };
const row = { id: z.string().min(1).max(40) };
const draft = { draft: z.record(z.string(), z.unknown()) };

/** One write of a scheduled change; `draft` is what the call for it would take, a `version` included. */
export const scheduledWrite = z.discriminatedUnion('action', [
  z.object({ action: z.literal('create'), ...resource, ...draft }).strict(),
  z.object({ action: z.literal('update'), ...resource, ...row, ...draft }).strict(),
  z.object({ action: z.literal('delete'), ...resource, ...row }).strict(),
  z.object({ action: z.literal('rollback'), revision: z.number().int().min(1) }).strict(),
  /** A file of rules, compared with the rules as they are then. */
  ruleSetDiffRequest.extend({ action: z.literal('apply') }),
]);

/** Writes that are made together, in one revision, at a set time. */
export const scheduledDraft = z
  .object({
    /** When, RFC 3339. */
    effectiveFrom: z.iso.datetime({ offset: true }),
    writes: z.array(scheduledWrite).min(1).max(1000),
  })
  .strict();

/** A scheduled change and what became of it. */
export const scheduledRow = z.object({
  id: z.number().int(),
  effectiveFrom: z.iso.datetime(),
  status: z.enum(['pending', 'done', 'failed', 'cancelled']),
  createdAt: z.iso.datetime(),
  /** Who scheduled it; the change is theirs in the audit log. */
  actor: z.string(),
  /** The newest revision when it was scheduled. */
  baseRevision: z.number().int(),
  writes: z.array(scheduledWrite),
  /** Why it failed. */
  reason: z.string().optional(),
  finishedAt: z.iso.datetime().optional(),
});

export type ScheduledWrite = z.infer<typeof scheduledWrite>;
export type ScheduledResource = z.infer<typeof scheduledResource>;
export type ScheduledDraft = z.infer<typeof scheduledDraft>;
export type ScheduledRow = z.infer<typeof scheduledRow>;
