import type { Policy, PolicyScope } from '@ai-gateway/contracts';
import type { SnapshotContent } from '../build-snapshot.ts';
import { overlap } from './lint-policies.ts';

type List = keyof SnapshotContent;

/** Ids of the rows that a change has written, by list. */
export type WrittenIds = ReadonlyMap<List, ReadonlySet<string>>;

/** Two states of the rules. */
export interface BeforeAndAfter {
  readonly before: SnapshotContent;
  readonly after: SnapshotContent;
}

const NONE: ReadonlySet<string> = new Set();
const LEVELS: readonly List[] = ['layeredLimits', 'tenants', 'customerTypes', 'virtualKeys'];
/** A row that was edited by hand may lack it. */
const scopeOf = ({ scope }: Pick<Policy, 'scope'>): PolicyScope => scope ?? {};
const isBudget = ({ rule }: Policy) => rule.kind === 'budget-limit';

/**
 * Both states of the rules with as much of them as lint needs to tell what a change makes doubtful: the namespaces that
 * it touches with all that is in them, policies whose scope names what it touches, and all matchers only where one is
 * touched, since each may stand in the way of any other.
 */
export function concernedRules(states: BeforeAndAfter, written: WrittenIds): BeforeAndAfter {
  const both = [states.before, states.after];
  const namespaceIds = new Set([
    ...(written.get('namespaces') ?? NONE),
    ...both.flatMap(({ matchers }) => namespacesOf(matchers, written.get('matchers'))),
    ...both.flatMap(({ policies }) => namespacesOf(policies, written.get('policies'))),
  ]);
  const isConcerned = concernedPolicies(states, written);
  const isMeant = (policy: Policy) => isInside(policy, namespaceIds) || isConcerned(policy);
  // Whether any policy counts money decides whether providers need prices.
  const budgets = new Set(both.map(({ policies }) => policies.find(isBudget)?.id));
  const hasLevels = LEVELS.some((list) => written.has(list));
  const part = (content: SnapshotContent): SnapshotContent => {
    const { matchers, namespaces, layeredLimits } = content;
    const policies = content.policies.filter((policy) => budgets.has(policy.id) || isMeant(policy));
    return {
      ...content,
      ...payersOf(content, policies, hasLevels && layeredLimits.length > 0),
      policies,
      ...(!written.has('matchers') && {
        matchers: matchers.filter((row) => isInside(row, namespaceIds)),
        namespaces: namespaces.filter(({ id }) => namespaceIds.has(id)),
      }),
      users: [],
      models: [],
      redirects: [],
      locations: [],
      fallbacks: [],
      accounts: [],
    };
  };
  return { before: part(states.before), after: part(states.after) };
}

interface Inside {
  readonly id: string;
  readonly namespaceId?: string | undefined;
}

function isInside({ namespaceId }: Inside, ids: ReadonlySet<string>): boolean {
  return namespaceId !== undefined && ids.has(namespaceId);
}

function namespacesOf(rows: readonly Inside[], ids: ReadonlySet<string> = NONE): readonly string[] {
  if (ids.size === 0) return [];
  return rows.flatMap(({ id, namespaceId }) => (ids.has(id) && namespaceId !== undefined ? [namespaceId] : []));
}

/** Whether a policy is written itself, or what is written may make its scope contradict itself. */
function concernedPolicies(states: BeforeAndAfter, written: WrittenIds): (policy: Policy) => boolean {
  const has = (list: List, id: string | undefined) => id !== undefined && written.get(list)?.has(id) === true;
  const models = changedModels(states, written.get('providers') ?? NONE);
  const hasOtherTenants = written.has('tenants');
  const hasOtherProviders = written.has('providers');
  const hasOtherPrices = hasOtherProviders || written.has('prices');
  return (policy) => {
    const { model, virtualKeyId, tenantId, customerTypeId, providerId, upstreamId } = scopeOf(policy);
    return (
      has('policies', policy.id) ||
      has('virtualKeys', virtualKeyId) ||
      has('providers', providerId) ||
      has('upstreams', upstreamId) ||
      // Where its provider is disabled, an upstream is not used.
      (hasOtherProviders && upstreamId !== undefined) ||
      // The tenant of a key, too, says which customer type a request is of.
      (hasOtherTenants && customerTypeId !== undefined && (virtualKeyId ?? tenantId) !== undefined) ||
      (model !== undefined && models.some((served) => overlap(served, model))) ||
      (hasOtherPrices && isBudget(policy))
    );
  };
}

/** Models that the written providers serve before or after, and not in both states. */
function changedModels({ before, after }: BeforeAndAfter, ids: ReadonlySet<string>): readonly string[] {
  const servedIn = ({ providers }: SnapshotContent) =>
    providers
      .filter(({ id, isEnabled }) => isEnabled && ids.has(id))
      .flatMap(({ id, models }) => models.map((model) => `${id} ${model}`));
  const [old, fresh] = [new Set(servedIn(before)), new Set(servedIn(after))];
  return [...old.symmetricDifference(fresh)].map((served) => served.slice(served.indexOf(' ') + 1));
}

/** Keys and tenants that the scopes of policies name; those that levels concern, and the levels, where they are asked for. */
function payersOf(
  { virtualKeys, tenants, layeredLimits }: SnapshotContent,
  policies: readonly Policy[],
  hasLevels: boolean,
): Pick<SnapshotContent, 'virtualKeys' | 'tenants' | 'layeredLimits'> {
  const keyIds = new Set(policies.map((policy) => scopeOf(policy).virtualKeyId));
  const keys = virtualKeys.filter(
    ({ id, tenantId, customerTypeId }) =>
      keyIds.has(id) || (hasLevels && tenantId === undefined && customerTypeId !== undefined),
  );
  if (hasLevels) return { virtualKeys: keys, tenants, layeredLimits };
  const tenantIds = new Set([
    ...policies.map((policy) => scopeOf(policy).tenantId),
    ...keys.map(({ tenantId }) => tenantId),
  ]);
  return { virtualKeys: keys, tenants: tenants.filter(({ id }) => tenantIds.has(id)), layeredLimits: [] };
}
