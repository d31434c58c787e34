import { z } from 'zod';

/** Class of payers, for limits and prices. */
export const customerTypeShape = z.object({
  id: z.string(),
  name: z.string().min(1).max(100),
});

/** An organisation that pays; its virtual keys share its limits. */
export const tenantShape = z.object({
  id: z.string(),
  name: z.string().min(1).max(100),
  customerTypeId: z.string().optional(),
});

export type CustomerType = z.infer<typeof customerTypeShape>;
export type Tenant = z.infer<typeof tenantShape>;
