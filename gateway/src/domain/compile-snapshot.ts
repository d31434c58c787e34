import {
  type CompiledCondition,
  type Condition,
  compileCondition,
  type Matcher,
  type Namespace,
  type Policy,
  type Price,
  type Provider,
  type Snapshot,
  type TokenLimit,
  type Upstream,
  type VirtualKey,
} from '@ai-gateway/contracts';
import { type CompiledRouting, compileRouting, keysBySecret } from './compile-routing.ts';
import { indexLayeredLimits, type LayeredLimits } from './limits/layered.ts';
import { countsRequests, type PlannedLimit, planPolicies } from './limits/plan.ts';
import { isModel } from './request-facts.ts';

/** A message-matching policy made ready to run. */
export interface MessageRule {
  readonly policy: Policy;
  readonly action: 'allow' | 'deny';
  readonly matches: CompiledCondition;
}

/** A token-limit policy with the policy it belongs to. */
export interface TokenPolicy {
  readonly policy: Policy;
  readonly rule: TokenLimit;
}

/** A namespace with everything that is decided by it. */
export interface CompiledNamespace {
  readonly namespace: Namespace;
  readonly messageRules: readonly MessageRule[];
  readonly tokenPolicies: readonly TokenPolicy[];
  readonly planned: Readonly<Record<RequestKind, PlannedLimits>>;
}

/** How a request is answered; `passthrough`: its body is not read (files, audio, images), so its tokens are unknown. */
export type RequestKind = 'stream' | 'plain' | 'passthrough';

/** Limits of one kind of request, in order of priority; those of upstreams are taken once a target is chosen. */
export interface PlannedLimits {
  readonly general: readonly PlannedLimit[];
  readonly perUpstream: readonly PlannedLimit[];
}

/** Who pays for a virtual key. */
export interface Payer {
  /** Whose key it is; the payer when there is no tenant. */
  readonly userId: string | undefined;
  readonly tenantId: string | undefined;
  readonly customerTypeId: string | undefined;
}

/** A provider with its enabled upstreams. */
export interface CompiledProvider {
  readonly provider: Provider;
  readonly upstreams: readonly Upstream[];
}

/** Matchers of one field that test for equality: one look-up however many there are. */
interface EqualityIndex {
  readonly read: CompiledField;
  readonly byValue: ReadonlyMap<string, RankedMatcher>;
}

interface CompiledField {
  readonly source: Condition['source'];
  readonly field: string;
}

/** A matcher's place in the total order (priority, source, id) and the namespace that it assigns. */
export interface RankedMatcher {
  readonly rank: number;
  readonly namespaceId: string;
}

/** The rules of one revision, indexed and compiled. */
export interface CompiledConfig extends CompiledRouting {
  readonly epoch: string;
  readonly revision: number;
  readonly namespaces: ReadonlyMap<string, CompiledNamespace>;
  readonly equalities: readonly EqualityIndex[];
  /** Every other matcher, in order of rank. */
  readonly sequential: readonly (RankedMatcher & { readonly matches: CompiledCondition })[];
  /** Headers that some rule reads: a request may send each only once. */
  readonly decidingHeaders: ReadonlySet<string>;
  /** Enabled providers that have an enabled upstream or none, by priority and name. */
  readonly providers: readonly CompiledProvider[];
  /** By HMAC of the secret; a key that was rotated may be there under both. */
  readonly virtualKeys: ReadonlyMap<string, VirtualKey>;
  /** By id of the virtual key. */
  readonly payers: ReadonlyMap<string, Payer>;
  readonly layeredLimits: LayeredLimits;
  /** Some namespace lets its requests wait, so limits that it shares with others have lines. */
  readonly hasWaiting: boolean;
  /** By provider id: exact names first, then the longest prefixes. */
  readonly prices: ReadonlyMap<string, readonly Price[]>;
  /** Exact model names of enabled providers: what `/v1/models` lists and what may be a metric label. */
  readonly modelNames: readonly string[];
}

const SOURCE_ORDER: Record<Condition['source'], number> = { header: 0, body: 1, query: 2, path: 3 };

/**
 * Indexes and compiles a snapshot.
 * @throws Error naming the rule that does not compile; the caller then keeps what it has.
 */
export function compileSnapshot(snapshot: Snapshot): CompiledConfig {
  const ordered = snapshot.policies.filter(isEnabled).sort(byPriority);
  const common = ordered.filter(({ namespaceId }) => namespaceId === undefined);
  const policies = groupBy(
    ordered.filter(({ namespaceId }) => namespaceId !== undefined),
    ({ namespaceId = '' }) => namespaceId,
  );
  const hasWaiting = snapshot.namespaces.some(({ maxWaitMs }) => maxWaitMs > 0);
  const namespaces = new Map(
    snapshot.namespaces.map((namespace) => [
      namespace.id,
      compileNamespace(namespace, policies.get(namespace.id) ?? [], { common, hasWaiting }),
    ]),
  );
  const matchers = snapshot.matchers.filter(isEnabled).filter(({ namespaceId }) => namespaces.has(namespaceId));
  const upstreams = groupBy(snapshot.upstreams.filter(isEnabled), ({ providerId }) => providerId);
  const providers = snapshot.providers
    .filter(isEnabled)
    .sort((left, right) => left.priority - right.priority || compareText(left.name, right.name))
    .map((provider) => ({ provider, upstreams: upstreams.get(provider.id) ?? [] }));

  const routing = compileRouting(snapshot);

  return {
    ...routing,
    epoch: snapshot.epoch,
    revision: snapshot.revision,
    namespaces,
    ...indexMatchers(matchers),
    decidingHeaders: decidingHeadersOf(matchers, ordered),
    providers,
    virtualKeys: keysBySecret(snapshot.virtualKeys),
    payers: payersOf(snapshot),
    layeredLimits: indexLayeredLimits(snapshot.layeredLimits.filter(isEnabled)),
    hasWaiting,
    prices: groupBy([...snapshot.prices].sort(byPrecision), ({ providerId }) => providerId),
    modelNames: [
      ...new Set(
        providers.flatMap(({ provider }) =>
          [...(routing.served.get(provider.id)?.exact.values() ?? [])].map(({ name }) => name),
        ),
      ),
    ],
  };
}

/** The price of a model at a provider; undefined when none is set. */
export function priceOf({ prices }: CompiledConfig, providerId: string, model: string): Price | undefined {
  return prices.get(providerId)?.find((price) => isModel(price.model, model));
}

function compileNamespace(
  namespace: Namespace,
  own: readonly Policy[],
  { common, hasWaiting }: { readonly common: readonly Policy[]; readonly hasWaiting: boolean },
): CompiledNamespace {
  const policies = [...own, ...common].sort(byPriority);
  const planned = policies.flatMap((policy) =>
    planPolicies([policy], policy.namespaceId === undefined ? hasWaiting : namespace.maxWaitMs > 0),
  );
  return {
    namespace,
    messageRules: policies.flatMap(messageRuleOf),
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

function plannedFor(planned: readonly PlannedLimit[], isMeant: (one: PlannedLimit) => boolean): PlannedLimits {
  const meant = planned.filter(isMeant);
  return {
    general: meant.filter(({ isPerUpstream }) => !isPerUpstream),
    perUpstream: meant.filter(({ isPerUpstream }) => isPerUpstream),
  };
}

function messageRuleOf(policy: Policy): readonly MessageRule[] {
  const { rule, name } = policy;
  if (rule.kind !== 'message-matching') return [];
  return [{ policy, action: rule.action, matches: compileNamed(`Policy "${name}"`, rule.condition) }];
}

/** The user's tenant goes before that of the key; a tenant's own class before that of the user, and that before the key's. */
function payersOf({ virtualKeys, tenants, users }: Snapshot): ReadonlyMap<string, Payer> {
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

function byPrecision(left: Price, right: Price): number {
  const rank = ({ model }: Price) => (model.endsWith('*') ? model.length : Number.MAX_SAFE_INTEGER);
  return rank(right) - rank(left) || compareText(left.id, right.id);
}

function indexMatchers(matchers: readonly Matcher[]): Pick<CompiledConfig, 'equalities' | 'sequential'> {
  const equalities = new Map<string, { read: CompiledField; byValue: Map<string, RankedMatcher> }>();
  const sequential: (RankedMatcher & { matches: CompiledCondition })[] = [];
  for (const [rank, matcher] of [...matchers].sort(byRank).entries()) {
    const ranked = { rank, namespaceId: matcher.namespaceId };
    if (matcher.operator !== 'equals') {
      sequential.push({ ...ranked, matches: compileNamed(`Matcher ${matcher.id}`, matcher) });
      continue;
    }
    const field = matcher.source === 'header' ? matcher.field.toLowerCase() : matcher.field;
    const index = equalities.get(`${matcher.source} ${field}`) ?? {
      read: { source: matcher.source, field },
      byValue: new Map(),
    };
    equalities.set(`${matcher.source} ${field}`, index);
    if (!index.byValue.has(matcher.value)) index.byValue.set(matcher.value, ranked);
  }
  return { equalities: [...equalities.values()], sequential };
}

function decidingHeadersOf(matchers: readonly Matcher[], policies: readonly Policy[]): ReadonlySet<string> {
  const conditions: Condition[] = policies.flatMap(({ rule }) =>
    rule.kind === 'message-matching' ? [rule.condition] : [],
  );
  return new Set(
    [...matchers, ...conditions].filter(({ source }) => source === 'header').map(({ field }) => field.toLowerCase()),
  );
}

function compileNamed(owner: string, condition: Condition): CompiledCondition {
  try {
    return compileCondition(condition);
  } catch (error) {
    throw new Error(`${owner}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function byRank(left: Matcher, right: Matcher): number {
  return (
    left.priority - right.priority ||
    SOURCE_ORDER[left.source] - SOURCE_ORDER[right.source] ||
    compareText(left.id, right.id)
  );
}

function byPriority(left: Policy, right: Policy): number {
  return left.priority - right.priority || compareText(left.id, right.id);
}

function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function isEnabled(rule: { readonly isEnabled: boolean }): boolean {
  return rule.isEnabled;
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
