import {
  type CompiledCondition,
  type Condition,
  compareText,
  compileCondition,
  type Fallback,
  type Matcher,
  type Namespace,
  type Policy,
  type Provider,
  type Routing,
  routingShape,
  type Snapshot,
  type Upstream,
  type VirtualKey,
} from '@ai-gateway/contracts';
import {
  indexLayeredLimits,
  indexPrices,
  indexRates,
  type LayeredLimits,
  type NamespacePlan,
  type Payer,
  type PriceIndex,
  payersOf,
  planNamespace,
  type RateIndex,
} from '@ai-gateway/limits';
import { type Accounts, indexAccounts } from './charging.ts';
import { compilePortkey, type PortkeyPlan } from './compile-portkey.ts';
import { type CompiledRouting, compileRouting, keysBySecret } from './compile-routing.ts';
import { recordedFieldsOf } from './matched-fields.ts';
import { NO_SECRETS, openKeys, type ProviderKeys, type SecretSource } from './provider-keys.ts';
import type { ServedModels } from './served-models.ts';

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

/** A provider with its enabled upstreams and its keys. */
export interface CompiledProvider extends ProviderKeys {
  readonly provider: Provider;
  readonly upstreams: readonly Upstream[];
  readonly routing: Routing;
  /** Present where the provider is a Portkey gateway. */
  readonly portkey?: PortkeyPlan;
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
export interface CompiledConfig extends CompiledRouting {
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
  /** By HMAC of the secret; a key that was rotated may be there under both. */
  readonly virtualKeys: ReadonlyMap<string, VirtualKey>;
  /** By id of the virtual key. */
  readonly payers: ReadonlyMap<string, Payer>;
  readonly layeredLimits: LayeredLimits;
  /** Some namespace lets its requests wait, so limits that it shares with others have lines. */
  readonly hasWaiting: boolean;
  readonly prices: PriceIndex;
  readonly rates: RateIndex;
  readonly accounts: Accounts;
  /** Those that apply first come first. */
  readonly fallbacks: readonly Fallback[];
  /** Exact model names of enabled providers: what `/v1/models` lists and what may be a metric label. */
  readonly modelNames: readonly string[];
}

const DEFAULT_ROUTING = routingShape.parse({});

const SOURCE_ORDER: Record<Condition['source'], number> = { header: 0, body: 1, query: 2, path: 3 };

/** Rules that are in force, to take over what the next ones leave as it is. */
export interface CompiledBefore {
  readonly snapshot: Snapshot;
  readonly config: CompiledConfig;
}

/**
 * Indexes and compiles a snapshot. What is made of rows that are the same objects as before is taken over, so the cost of
 * a small change does not grow with the number of namespaces beyond looking through their rows.
 * @throws Error naming the rule that does not compile; the caller then keeps what it has.
 */
export function compileSnapshot(
  snapshot: Snapshot,
  secrets: SecretSource = NO_SECRETS,
  before?: CompiledBefore,
): CompiledConfig {
  const hasWaiting = snapshot.namespaces.some(({ maxWaitMs }) => maxWaitMs > 0);
  const namespaces = compileNamespaces(snapshot, hasWaiting, before);
  const routing = compileRouting(snapshot);
  const providers = compileProviders(snapshot, secrets, routing.served);
  /** The rules before, where they were made of the very same lists. */
  const kept = (...lists: (keyof Snapshot)[]) =>
    lists.every((list) => before?.snapshot[list] === snapshot[list]) ? before?.config : undefined;

  return {
    ...routing,
    epoch: snapshot.epoch,
    revision: snapshot.revision,
    namespaces,
    ...matchersOf(snapshot, namespaces, kept('matchers', 'namespaces')),
    decidingHeaders: kept('matchers', 'namespaces', 'policies')?.decidingHeaders ?? decidingHeadersOf(snapshot),
    providers,
    virtualKeys: kept('virtualKeys')?.virtualKeys ?? keysBySecret(snapshot.virtualKeys),
    payers: kept('virtualKeys', 'tenants', 'users')?.payers ?? payersOf(snapshot),
    layeredLimits: indexLayeredLimits(snapshot.layeredLimits.filter(isEnabled)),
    hasWaiting,
    prices: indexPrices(snapshot.prices),
    rates: indexRates(snapshot.rates),
    accounts: kept('accounts', 'users')?.accounts ?? indexAccounts(snapshot),
    fallbacks: snapshot.fallbacks.filter(isEnabled).sort(byFallbackPrecision),
    modelNames: [
      ...new Set(
        providers.flatMap(({ provider }) =>
          [...(routing.served.get(provider.id)?.exact.values() ?? [])].map(({ name }) => name),
        ),
      ),
    ],
  };
}

/** Namespaces by id; those that no changed row concerns are as before. */
function compileNamespaces(
  snapshot: Snapshot,
  hasWaiting: boolean,
  before: CompiledBefore | undefined,
): ReadonlyMap<string, CompiledNamespace> {
  const affected = before?.config.hasWaiting === hasWaiting ? affectedNamespaces(snapshot, before.snapshot) : undefined;
  const isAffected = (id: string) => affected?.has(id) ?? true;
  const enabled = snapshot.policies.filter(isEnabled);
  const common = enabled.filter(({ namespaceId }) => namespaceId === undefined);
  const own = Map.groupBy(
    enabled.filter(({ namespaceId }) => namespaceId !== undefined && isAffected(namespaceId)),
    ({ namespaceId = '' }) => namespaceId,
  );
  const namespaces = new Map(affected === undefined ? [] : before?.config.namespaces);
  for (const id of affected ?? []) namespaces.delete(id);
  for (const namespace of snapshot.namespaces) {
    if (!isAffected(namespace.id)) continue;
    namespaces.set(namespace.id, compileNamespace(namespace, own.get(namespace.id) ?? [], { common, hasWaiting }));
  }
  return namespaces;
}

/** Ids of the namespaces that changed rows concern; undefined when a policy for all of them has changed. */
function affectedNamespaces(snapshot: Snapshot, before: Snapshot): ReadonlySet<string> | undefined {
  const ids = new Set(changedRows(before.namespaces, snapshot.namespaces).map(({ id }) => id));
  for (const { namespaceId } of changedRows(before.policies, snapshot.policies)) {
    if (namespaceId === undefined) return undefined;
    ids.add(namespaceId);
  }
  return ids;
}

/** Rows that are in only one of two lists, as objects. */
function changedRows<Row>(before: readonly Row[], after: readonly Row[]): readonly Row[] {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start++;
  let end = 0;
  while (end < shorter - start && before.at(-1 - end) === after.at(-1 - end)) end++;
  const gone = new Set(before.slice(start, before.length - end));
  const come = new Set(after.slice(start, after.length - end));
  return [...gone.symmetricDifference(come)];
}

/** Enabled providers by priority and name. */
function compileProviders(
  snapshot: Snapshot,
  secrets: SecretSource,
  served: ReadonlyMap<string, ServedModels>,
): readonly CompiledProvider[] {
  const upstreams = Map.groupBy(snapshot.upstreams.filter(isEnabled), ({ providerId }) => providerId);
  const keys = Map.groupBy(snapshot.providerKeys, ({ providerId }) => providerId);
  const providers = snapshot.providers
    .filter(isEnabled)
    .sort((left, right) => left.priority - right.priority || compareText(left.name, right.name))
    .map((provider) => ({
      provider,
      upstreams: upstreams.get(provider.id) ?? [],
      routing: provider.routing ?? DEFAULT_ROUTING,
      ...openKeys(provider, keys.get(provider.id) ?? [], secrets),
    }));
  const members = new Map(providers.map((compiled) => [compiled.provider.id, compiled]));
  return providers.map((compiled) => {
    const { provider } = compiled;
    if (provider.dialect !== 'portkey') return compiled;
    return { ...compiled, portkey: compilePortkey(provider, snapshot.portkeyConfigs, members, served) };
  });
}

/** The model as a metric label: one that the rules name, so that labels are bounded. */
export function modelLabelOf({ modelNames }: CompiledConfig, model: string): string {
  return modelNames.includes(model) ? model : 'other';
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

type MatcherIndexes = Pick<CompiledConfig, 'matchers' | 'equalities' | 'sequential' | 'recordedFields'>;

/** Rules of the namespace go first, then exact names, then the longest prefix. */
function byFallbackPrecision(left: Fallback, right: Fallback): number {
  const rank = ({ namespaceId, model }: Fallback) =>
    (namespaceId === undefined ? 0 : 1_000) + (model.endsWith('*') ? model.length : 500);
  return rank(right) - rank(left);
}

/** The matchers' indexes: those of before where no matcher and no namespace has changed. */
function matchersOf(
  snapshot: Snapshot,
  namespaces: ReadonlyMap<string, CompiledNamespace>,
  kept: CompiledConfig | undefined,
): MatcherIndexes {
  if (kept !== undefined) {
    const { matchers, equalities, sequential, recordedFields } = kept;
    return { matchers, equalities, sequential, recordedFields };
  }
  return indexMatchers(snapshot.matchers.filter(({ isEnabled: is, namespaceId }) => is && namespaces.has(namespaceId)));
}

function indexMatchers(matchers: readonly Matcher[]): MatcherIndexes {
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
  return {
    matchers: ordered,
    equalities: [...equalities.values()],
    sequential,
    recordedFields: recordedFieldsOf(matchers),
  };
}

function decidingHeadersOf({ namespaces, matchers, policies }: Snapshot): ReadonlySet<string> {
  const ids = new Set(namespaces.map(({ id }) => id));
  const headers = new Set<string>();
  const add = ({ source, field }: Condition) => {
    if (source === 'header') headers.add(field.toLowerCase());
  };
  for (const matcher of matchers) if (matcher.isEnabled && ids.has(matcher.namespaceId)) add(matcher);
  for (const { isEnabled: is, rule } of policies) if (is && rule.kind === 'message-matching') add(rule.condition);
  return headers;
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

function isEnabled(rule: { readonly isEnabled: boolean }): boolean {
  return rule.isEnabled;
}
