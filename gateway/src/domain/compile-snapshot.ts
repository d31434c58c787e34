import {
  type CompiledCondition,
  type Condition,
  compileCondition,
  type Matcher,
  type Namespace,
  type Policy,
  type Provider,
  type Snapshot,
  type Upstream,
  type VirtualKey,
} from '@ai-gateway/contracts';
import {
  indexLayeredLimits,
  indexPrices,
  type LayeredLimits,
  type NamespacePlan,
  type Payer,
  type PriceIndex,
  payersOf,
  planNamespace,
} from '@ai-gateway/limits';
import { recordedFieldsOf } from './matched-fields.ts';

/** A message-matching policy made ready to run. */
export interface MessageRule {
  readonly policy: Policy;
  readonly action: 'allow' | 'deny';
  readonly matches: CompiledCondition;
}

/** A namespace with everything that is decided by it. */
export interface CompiledNamespace extends NamespacePlan {
  readonly namespace: Namespace;
  readonly messageRules: readonly MessageRule[];
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

export interface CompiledField {
  readonly source: Condition['source'];
  readonly field: string;
}

/** A matcher's place in the total order (priority, source, id) and the namespace that it assigns. */
export interface RankedMatcher {
  readonly rank: number;
  readonly namespaceId: string;
}

/** The rules of one revision, indexed and compiled. */
export interface CompiledConfig {
  readonly epoch: string;
  readonly revision: number;
  readonly namespaces: ReadonlyMap<string, CompiledNamespace>;
  readonly equalities: readonly EqualityIndex[];
  /** Enabled matchers of known namespaces by their rank. */
  readonly matchers: readonly Matcher[];
  /** Every other matcher, in order of rank. */
  readonly sequential: readonly (RankedMatcher & { readonly matches: CompiledCondition })[];
  /** Headers that some rule reads: a request may send each only once. */
  readonly decidingHeaders: ReadonlySet<string>;
  /** What matchers read and records keep; see `matchedFieldsOf`. */
  readonly recordedFields: readonly CompiledField[];
  /** Enabled providers that have an enabled upstream or none, by priority and name. */
  readonly providers: readonly CompiledProvider[];
  /** By HMAC of the secret. */
  readonly virtualKeys: ReadonlyMap<string, VirtualKey>;
  /** By id of the virtual key. */
  readonly payers: ReadonlyMap<string, Payer>;
  readonly layeredLimits: LayeredLimits;
  /** Some namespace lets its requests wait, so limits that it shares with others have lines. */
  readonly hasWaiting: boolean;
  readonly prices: PriceIndex;
  /** Exact model names of enabled providers: what `/v1/models` lists and what may be a metric label. */
  readonly modelNames: readonly string[];
}

const SOURCE_ORDER: Record<Condition['source'], number> = { header: 0, body: 1, query: 2, path: 3 };

/**
 * Indexes and compiles a snapshot.
 * @throws Error naming the rule that does not compile; the caller then keeps what it has.
 */
export function compileSnapshot(snapshot: Snapshot): CompiledConfig {
  const ordered = snapshot.policies.filter(isEnabled);
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

  return {
    epoch: snapshot.epoch,
    revision: snapshot.revision,
    namespaces,
    ...indexMatchers(matchers),
    decidingHeaders: decidingHeadersOf(matchers, ordered),
    recordedFields: recordedFieldsOf(matchers),
    providers,
    virtualKeys: new Map(snapshot.virtualKeys.map((key) => [key.secretHash, key])),
    payers: payersOf(snapshot.virtualKeys, snapshot.tenants),
    layeredLimits: indexLayeredLimits(snapshot.layeredLimits.filter(isEnabled)),
    hasWaiting,
    prices: indexPrices(snapshot.prices),
    modelNames: [
      ...new Set(providers.flatMap(({ provider }) => provider.models.filter((name) => !name.endsWith('*')))),
    ],
  };
}

function compileNamespace(
  namespace: Namespace,
  own: readonly Policy[],
  { common, hasWaiting }: { readonly common: readonly Policy[]; readonly hasWaiting: boolean },
): CompiledNamespace {
  const plan = planNamespace(namespace, [...own, ...common], hasWaiting);
  return { namespace, messageRules: plan.policies.flatMap(messageRuleOf), ...plan };
}

function messageRuleOf(policy: Policy): readonly MessageRule[] {
  const { rule, name } = policy;
  if (rule.kind !== 'message-matching') return [];
  return [{ policy, action: rule.action, matches: compileNamed(`Policy "${name}"`, rule.condition) }];
}

function indexMatchers(matchers: readonly Matcher[]): Pick<CompiledConfig, 'matchers' | 'equalities' | 'sequential'> {
  const equalities = new Map<string, { read: CompiledField; byValue: Map<string, RankedMatcher> }>();
  const sequential: (RankedMatcher & { matches: CompiledCondition })[] = [];
  const ordered = [...matchers].sort(byRank);
  for (const [rank, matcher] of ordered.entries()) {
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
  return { matchers: ordered, equalities: [...equalities.values()], sequential };
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
