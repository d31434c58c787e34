import type { Namespace, Policy, RequestKind, Snapshot, TokenLimit } from '@ai-gateway/contracts';
import { countsRequests, type PlannedLimit, planPolicies } from './plan.ts';
import { concerns, type RequestFacts } from './request-facts.ts';

/** Limits of one kind of request, in order of priority; those of upstreams are taken once a target is chosen. */
export interface PlannedLimits {
  readonly general: readonly PlannedLimit[];
  readonly perUpstream: readonly PlannedLimit[];
}

/** A token-limit policy with the policy it belongs to. */
export interface TokenPolicy {
  readonly policy: Policy;
  readonly rule: TokenLimit;
}

/** What the policies of a namespace ask of its requests. */
export interface NamespacePlan {
  /** In order of priority, then of id. */
  readonly policies: readonly Policy[];
  readonly tokenPolicies: readonly TokenPolicy[];
  readonly planned: Readonly<Record<RequestKind, PlannedLimits>>;
}

/**
 * Plans the enabled policies of a namespace and those of all namespaces. The latter have lines as soon as requests of
 * some namespace may wait (`hasWaiting`), since they share its counters.
 */
export function planNamespace(
  { maxWaitMs }: Pick<Namespace, 'maxWaitMs'>,
  enabled: readonly Policy[],
  hasWaiting: boolean,
): NamespacePlan {
  const policies = [...enabled].sort(byPriority);
  const planned = policies.flatMap((policy) =>
    planPolicies([policy], policy.namespaceId === undefined ? hasWaiting : maxWaitMs > 0),
  );
  return {
    policies,
    tokenPolicies: policies.flatMap((policy) =>
      policy.rule.kind === 'token-limit' ? [{ policy, rule: policy.rule }] : [],
    ),
    planned: {
      stream: plannedFor(planned, ({ appliesTo }) => appliesTo !== 'non-stream'),
      plain: plannedFor(planned, ({ appliesTo }) => appliesTo !== 'stream'),
      passthrough: plannedFor(planned, ({ limit }) => countsRequests(limit)),
    },
  };
}

/** The token policies that apply to a request. */
export function tokenPoliciesFor(
  { tokenPolicies }: Pick<NamespacePlan, 'tokenPolicies'>,
  kind: RequestKind,
  facts: RequestFacts,
): readonly TokenPolicy[] {
  const appliesTo = kind === 'stream' ? 'stream' : 'non-stream';
  return tokenPolicies.filter(
    ({ policy, rule }) => (rule.appliesTo === 'all' || rule.appliesTo === appliesTo) && concerns(policy.scope, facts),
  );
}

/** Who pays for a virtual key. */
export interface Payer {
  /** Whose key it is; the payer when there is no tenant. */
  readonly userId: string | undefined;
  readonly tenantId: string | undefined;
  readonly customerTypeId: string | undefined;
}

/**
 * Payers by id of the virtual key. The user's tenant goes before that of the key; a tenant's own class before that of the
 * user, and that before the key's.
 */
export function payersOf({
  virtualKeys,
  tenants,
  users,
}: Pick<Snapshot, 'virtualKeys' | 'tenants' | 'users'>): ReadonlyMap<string, Payer> {
  const typeOf = new Map(tenants.map(({ id, customerTypeId }) => [id, customerTypeId]));
  const userOf = new Map(users.map((user) => [user.id, user]));
  return new Map(
    virtualKeys.map((key) => {
      const user = key.userId === undefined ? undefined : userOf.get(key.userId);
      const tenantId = user?.tenantId ?? key.tenantId;
      const ofTenant = tenantId === undefined ? undefined : typeOf.get(tenantId);
      const customerTypeId = ofTenant ?? user?.customerTypeId ?? key.customerTypeId;
      return [key.id, { userId: key.userId, tenantId, customerTypeId }];
    }),
  );
}

function plannedFor(planned: readonly PlannedLimit[], isMeant: (one: PlannedLimit) => boolean): PlannedLimits {
  const meant = planned.filter(isMeant);
  return {
    general: meant.filter(({ isPerUpstream }) => !isPerUpstream),
    perUpstream: meant.filter(({ isPerUpstream }) => isPerUpstream),
  };
}

function byPriority(left: Policy, right: Policy): number {
  if (left.priority !== right.priority) return left.priority - right.priority;
  return left.id < right.id ? -1 : Number(left.id > right.id);
}
