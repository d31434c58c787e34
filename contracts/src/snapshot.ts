import { z } from 'zod';
import { accountShape } from './account.ts';
import { layeredLimitShape } from './layered-limit.ts';
import { locationShape } from './location.ts';
import { modelShape, redirectShape } from './model.ts';
import { matcherShape, namespaceShape } from './namespace.ts';
import { customerTypeShape, tenantShape } from './payer.ts';
import { policyShape } from './policy.ts';
import { portkeyConfigShape } from './portkey-config.ts';
import { priceShape, rateShape } from './price.ts';
import { providerShape, upstreamShape } from './provider.ts';
import { providerKeyShape } from './provider-key.ts';
import { fallbackShape } from './routing.ts';
import { userShape } from './user.ts';
import { virtualKeyShape } from './virtual-key.ts';

/**
 * The complete rules of one revision: all that a gateway needs, and no secret that can be read without a master key.
 * `epoch` is drawn once per database, so that a gateway notices when it is given another one's revisions.
 */
export const snapshotShape = z.object({
  epoch: z.string().min(1),
  revision: z.number().int().min(0),
  createdAt: z.iso.datetime(),
  namespaces: z.array(namespaceShape),
  matchers: z.array(matcherShape),
  policies: z.array(policyShape),
  providers: z.array(providerShape),
  upstreams: z.array(upstreamShape),
  providerKeys: z.array(providerKeyShape).default([]),
  virtualKeys: z.array(virtualKeyShape),
  customerTypes: z.array(customerTypeShape).default([]),
  tenants: z.array(tenantShape).default([]),
  prices: z.array(priceShape).default([]),
  layeredLimits: z.array(layeredLimitShape).default([]),
  fallbacks: z.array(fallbackShape).default([]),
  models: z.array(modelShape).default([]),
  redirects: z.array(redirectShape).default([]),
  locations: z.array(locationShape).default([]),
  users: z.array(userShape).default([]),
  rates: z.array(rateShape).default([]),
  /** Without balances: those are the ledger's. */
  accounts: z.array(accountShape).default([]),
  portkeyConfigs: z.array(portkeyConfigShape).default([]),
});

export type Snapshot = z.infer<typeof snapshotShape>;

/** The shape of one row of a list of the snapshot; undefined when there is no such list. */
export function snapshotRowShape(list: string): z.ZodType | undefined {
  if (!Object.hasOwn(snapshotShape.shape, list)) return undefined;
  const shape: z.ZodType = snapshotShape.shape[list as keyof typeof snapshotShape.shape];
  const inner = shape instanceof z.ZodDefault ? shape.unwrap() : shape;
  return inner instanceof z.ZodArray ? (inner.element as z.ZodType) : undefined;
}
