import {
  type LayeredLimit,
  type LintFinding,
  type Provider,
  snapshotShape,
  type Upstream,
} from '@ai-gateway/contracts';
import type { TableName } from '../../db/tables.ts';
import { LISTS, type SnapshotContent } from '../build-snapshot.ts';
import { type BeforeAndAfter, concernedRules } from './concerned-rules.ts';
import { lintMatchers } from './lint-matchers.ts';
import { lintPolicies } from './lint-policies.ts';
import { lintRates } from './lint-rates.ts';

/** All that is doubtful about a set of rules, errors first. Takes time linear in rows, apart from sorting. */
export function lint(content: SnapshotContent): LintFinding[] {
  const findings = [
    ...lintNamespaces(content),
    ...lintMatchers(content),
    ...lintPolicies(content),
    ...lintProviders(content),
    ...lintLayeredLimits(content),
    ...lintRates(content),
  ];
  return [
    ...findings.filter(({ severity }) => severity === 'error'),
    ...findings.filter(({ severity }) => severity === 'warning'),
  ];
}

/** What a change brings in: findings that the rules did not have before, and those about rows that are `named`. */
export function newFindings({ before, after }: BeforeAndAfter, named: ReadonlySet<string> = new Set()): LintFinding[] {
  const keyOf = ({ rule, id, path }: LintFinding) => JSON.stringify([rule, id, path]);
  const known = new Set(lint(before).map(keyOf));
  return lint(after).filter((finding) => named.has(finding.id) || !known.has(keyOf(finding)));
}

/** The rules before and after a change, and the rows that it has written, by table and id. */
export interface WrittenChange extends BeforeAndAfter {
  readonly written: ReadonlyMap<TableName, ReadonlySet<string>>;
}

/** Lists that are not judged. */
const UNJUDGED: readonly (keyof SnapshotContent)[] = [
  'users',
  'models',
  'redirects',
  'locations',
  'fallbacks',
  'accounts',
];

const contentShape = snapshotShape.omit({ epoch: true, revision: true, createdAt: true });

/** Findings that a change is answered with; one provider that is switched off may concern every policy. */
const MAX_FINDINGS = 50;

/**
 * What is doubtful about the rows that a change has written, and what has become so by them; the rows' own first, and
 * the first of many. Looks only at what the change concerns.
 */
export function changeFindings({ written: byTable, ...states }: WrittenChange): LintFinding[] {
  const judged = LISTS.flatMap(([list, table]) => {
    const ids = byTable.get(table);
    return ids === undefined || UNJUDGED.includes(list) ? [] : [[list, ids] as const];
  });
  if (judged.length === 0) return [];
  const { before, after } = concernedRules(states, new Map(judged));
  // With the defaults, which a row that was edited by hand may lack.
  const [old, fresh] = [contentShape.safeParse(before), contentShape.safeParse(after)];
  // What an older release has let through may not fit; the change is made all the same.
  if (!old.success || !fresh.success) return [];
  const written = new Set(judged.flatMap(([, ids]) => [...ids]));
  const { own = [], others = [] } = Object.groupBy(
    newFindings({ before: old.data, after: fresh.data }, written),
    ({ id }) => (written.has(id) ? 'own' : 'others'),
  );
  return [...own, ...others].slice(0, MAX_FINDINGS);
}

function lintNamespaces({ namespaces, matchers, policies }: SnapshotContent): LintFinding[] {
  const isMatched = new Set(matchers.filter(({ isEnabled }) => isEnabled).map(({ namespaceId }) => namespaceId));
  const hasPolicy = new Set(policies.filter(({ isEnabled }) => isEnabled).map(({ namespaceId }) => namespaceId));
  return namespaces.flatMap(({ id, code, isEnabled }) => {
    const row = { severity: 'warning', kind: 'namespaces', id, name: code, namespaceId: id } as const;
    if (isEnabled && !isMatched.has(id)) {
      const message = 'It has no enabled matcher, so no request gets into it.';
      return [{ ...row, rule: 'namespace-without-matcher', path: '', message }];
    }
    if (isEnabled || !(isMatched.has(id) || hasPolicy.has(id))) return [];
    const message = 'It is disabled: what its matchers match is refused, and its policies do nothing.';
    return [{ ...row, rule: 'namespace-disabled', path: 'isEnabled', message }];
  });
}

function lintProviders({
  providers,
  upstreams,
  providerKeys,
  prices,
  policies,
  portkeyConfigs,
}: SnapshotContent): LintFinding[] {
  const upstreamsOf = Map.groupBy(
    upstreams.filter(({ isEnabled }) => isEnabled),
    ({ providerId }) => providerId,
  );
  const stored = new Set(providerKeys.filter(({ isEnabled }) => isEnabled).map(({ providerId }) => providerId));
  const routed = new Set(portkeyConfigs.filter(({ isEnabled }) => isEnabled).map(({ providerId }) => providerId));
  const priced = new Set(prices.map(({ providerId }) => providerId));
  const countsMoney = prices.length > 0 || policies.some(({ rule }) => rule.kind === 'budget-limit');
  return providers
    .filter(({ isEnabled }) => isEnabled)
    .flatMap((provider) => {
      const own = upstreamsOf.get(provider.id) ?? [];
      const found = (isSo: boolean, rule: string, path: string, message: string): LintFinding[] =>
        isSo
          ? [{ severity: 'warning', rule, kind: 'providers', id: provider.id, name: provider.name, path, message }]
          : [];
      return [
        ...found(own.length === 0, 'provider-without-upstream', '', 'It has no enabled upstream, so its models fail.'),
        ...found(
          provider.dialect === 'portkey' && !routed.has(provider.id),
          'portkey-without-config',
          '',
          'It has no active Portkey config, so its models fail.',
        ),
        ...found(
          !stored.has(provider.id) && needsKey(provider, own),
          'provider-without-key',
          'apiKeyEnv',
          'Its upstreams are called without a key.',
        ),
        ...found(
          countsMoney && !priced.has(provider.id),
          'provider-without-price',
          '',
          'None of its models has a price, so they cost nothing and budgets refuse them.',
        ),
      ];
    });
}

/** Public servers ask for a key; what runs beside the gateway often does not. */
function needsKey({ apiKeyEnv }: Provider, upstreams: readonly Upstream[]): boolean {
  return apiKeyEnv === undefined && upstreams.some(({ baseUrl }) => baseUrl.startsWith('https:'));
}

/** Levels that concern nobody, or whose payers all have their own. Of each control the most specific row holds. */
function lintLayeredLimits({ layeredLimits, tenants, customerTypes, virtualKeys }: SnapshotContent): LintFinding[] {
  const names = new Map([...tenants, ...customerTypes].map(({ id, name }) => [id, name]));
  const enabled = layeredLimits.filter(({ isEnabled }) => isEnabled);
  const own = new Set(
    enabled
      .filter(({ targetType, providerId }) => targetType === 'tenant' && providerId === undefined)
      .map(({ targetId, limit }) => `${targetId} ${limit.control}`),
  );
  const tenantsOf = Map.groupBy(tenants, ({ customerTypeId }) => customerTypeId);
  const keyed = new Set(virtualKeys.filter((key) => key.tenantId === undefined).map((key) => key.customerTypeId));
  const concern = ({ targetType, targetId, limit }: LayeredLimit) => {
    if ('maxTokens' in limit && limit.maxTokens === 0)
      return ['limit-blocks', 'limit.maxTokens', 'It refuses every request.'];
    if ('maxRequests' in limit && limit.maxRequests === 0)
      return ['limit-blocks', 'limit.maxRequests', 'It refuses every request.'];
    if (targetType !== 'customer_type' || keyed.has(targetId)) return undefined;
    const payers = tenantsOf.get(targetId) ?? [];
    if (payers.length === 0) return ['layered-limit-concerns-nobody', 'targetId', 'Nobody is of this customer type.'];
    return payers.every(({ id }) => own.has(`${id} ${limit.control}`))
      ? ['layered-limit-overridden', '', 'Each tenant of this customer type has a limit of its own, which replaces it.']
      : undefined;
  };
  return enabled.flatMap((row) => {
    const [rule, path, message] = concern(row) ?? [];
    if (rule === undefined || path === undefined || message === undefined) return [];
    const name = `${row.targetType} ${names.get(row.targetId ?? '') ?? ''} ${row.limit.control}`.replace('  ', ' ');
    return [{ severity: 'warning', rule, kind: 'layeredLimits', id: row.id, name, path, message }];
  });
}
