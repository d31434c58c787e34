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

export type Price = z.infer<typeof priceShape>;
