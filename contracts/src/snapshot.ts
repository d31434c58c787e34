import { z } from 'zod';
import { layeredLimitShape } from './layered-limit.ts';
import { locationShape } from './location.ts';
import { modelShape, redirectShape } from './model.ts';
import { matcherShape, namespaceShape } from './namespace.ts';
import { customerTypeShape, tenantShape } from './payer.ts';
import { policyShape } from './policy.ts';
import { priceShape } from './price.ts';
import { providerShape, upstreamShape } from './provider.ts';
import { userShape } from './user.ts';
import { virtualKeyShape } from './virtual-key.ts';

/**
 * The complete rules of one revision: all that a gateway needs, and no secret.
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
  virtualKeys: z.array(virtualKeyShape),
  customerTypes: z.array(customerTypeShape).default([]),
  tenants: z.array(tenantShape).default([]),
  prices: z.array(priceShape).default([]),
  layeredLimits: z.array(layeredLimitShape).default([]),
  models: z.array(modelShape).default([]),
  redirects: z.array(redirectShape).default([]),
  locations: z.array(locationShape).default([]),
  users: z.array(userShape).default([]),
});

export type Snapshot = z.infer<typeof snapshotShape>;
