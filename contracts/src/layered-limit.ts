import { z } from 'zod';
import { modelName } from './model-name.ts';
import { money } from './money.ts';
import { onLimiterDown } from './policy.ts';

const windowSeconds = z.number().int().min(1).max(86_400).default(60);

const tpm = z.object({
  control: z.literal('tpm'),
  maxTokens: z.number().int().min(0).max(1_000_000_000_000),
  windowSeconds,
});
const rpm = z.object({
  control: z.literal('rpm'),
  maxRequests: z.number().int().min(0).max(1_000_000_000),
  windowSeconds,
});
/** Balance at or below which a payer is warned. */
const softLimit = z.object({ control: z.literal('soft_limit'), amount: money });
/** Balance at or below which a payer's requests are refused. */
const hardLimit = z.object({ control: z.literal('hard_limit'), amount: money });

/** What a layered limit sets, by control. */
export const layeredControl = z.discriminatedUnion('control', [tpm, rpm, softLimit, hardLimit]);

/** The same for what people write: a field that does not exist is a fault. */
export const layeredControlDraft = z.discriminatedUnion('control', [
  tpm.strict(),
  rpm.strict(),
  softLimit.strict(),
  hardLimit.strict(),
]);

/**
 * A limit that a more specific one replaces: global, customer type, tenant, tenant and provider, tenant and provider
 * and model. For each control the most specific row that concerns the request holds, whole.
 */
export const layeredLimitShape = z.object({
  id: z.string(),
  targetType: z.enum(['global', 'customer_type', 'tenant']),
  /** Id of the customer type or tenant; absent for `global`. */
  targetId: z.string().optional(),
  /** Only under a tenant. */
  providerId: z.string().optional(),
  /** Only under a provider; exact name. */
  model: modelName.optional(),
  isEnabled: z.boolean().default(true),
  onLimiterDown: onLimiterDown.default('local'),
  /** `level`: one counter for the level that the row stands at. `payer`: one for each tenant, else user, else key. */
  countPer: z.enum(['level', 'payer']).default('level'),
  limit: layeredControl,
});

export type LayeredLimit = z.infer<typeof layeredLimitShape>;
export type LayeredControl = LayeredLimit['limit']['control'];
