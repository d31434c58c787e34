import { z } from 'zod';
import { modelPattern } from './model-name.ts';
import { money } from './money.ts';

/** What a provider charges for a model, per million tokens. */
export const priceShape = z.object({
  id: z.string(),
  providerId: z.string(),
  /** A model name, or a prefix followed by `*`; the exact name wins, then the longest prefix. */
  model: modelPattern,
  inputPerMillion: money,
  outputPerMillion: money,
});

/**
 * What is charged for a model instead of what it costs, to payers of a customer type; without one, to everybody whose own
 * type has no rate for the model. Where there is no rate at all, payers are charged the cost price.
 */
export const rateShape = priceShape.extend({ customerTypeId: z.string().optional() });

export type Price = z.infer<typeof priceShape>;
export type Rate = z.infer<typeof rateShape>;
