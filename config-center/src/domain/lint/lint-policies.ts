import { type LintFinding, nanosOf, type Policy, type PolicyScope, type TokenLimit } from '@ai-gateway/contracts';
import type { SnapshotContent } from '../build-snapshot.ts';
import type { Fault } from '../faults.ts';
import { DEAD_PATTERN, isDead } from './dead-conditions.ts';

/**
 * Tokens of a typical chat request, input and answer together: a page of question and context with an answer of some
 * paragraphs. A window below it lets one such request pass at most.
 */
const TYPICAL_REQUEST_TOKENS = 1_000;

interface Concern extends Fault {
  readonly rule: string;
}

/** Limits that no request can pass: such a policy is not saved. */
export function impossibleLimits({ rule }: Pick<Policy, 'rule'>): readonly Fault[] {
  if (rule.kind === 'token-limit') {
    return rule.windows.flatMap(({ counts, maxTokens }, index) =>
      counts === 'total' && maxTokens < 2
        ? [
            {
              path: `rule.windows.${index}.maxTokens`,
              message: 'No request passes: one of input and one of output are two.',
            },
          ]
        : [],
    );
  }
  if (rule.kind !== 'budget-limit') return [];
  return rule.windows.flatMap(({ maxAmount }, index) =>
    nanosOf(maxAmount) === 0n
      ? [{ path: `rule.windows.${index}.maxAmount`, message: 'No request that costs anything passes.' }]
      : [],
  );
}

/** Enabled policies that refuse everything, never apply, or do not do what they seem to. Linear in rows. */
export function lintPolicies(content: SnapshotContent): LintFinding[] {
  const index = indexOf(content);
  return content.policies
    .filter(({ isEnabled }) => isEnabled)
    .flatMap((policy) => {
      const { id, name, namespaceId } = policy;
      const row = { kind: 'policies', id, name, ...(namespaceId !== undefined && { namespaceId }) };
      const errors = impossibleLimits(policy).map(
        (fault): LintFinding => ({ severity: 'error', rule: 'limit-impossible', ...row, ...fault }),
      );
      const concerns = [...scopeConcerns(policy, index), ...ruleConcerns(policy, index)];
      return [...errors, ...concerns.map((concern): LintFinding => ({ severity: 'warning', ...row, ...concern }))];
    });
}

type Index = ReturnType<typeof indexOf>;

function indexOf({ virtualKeys, tenants, upstreams, providers, prices }: SnapshotContent) {
  const priced = new Set(prices.map(({ providerId }) => providerId));
  const enabled = providers.filter(({ isEnabled }) => isEnabled);
  return {
    keys: new Map(virtualKeys.map((row) => [row.id, row])),
    tenants: new Map(tenants.map((row) => [row.id, row])),
    upstreams: new Map(upstreams.map((row) => [row.id, row])),
    providers: new Map(providers.map((row) => [row.id, row])),
    served: enabled.flatMap(({ id, models }) => models.map((model) => ({ providerId: id, model }))),
    unpriced: enabled.filter(({ id }) => !priced.has(id)),
    /** Whether a model of a scope is served at all; many policies name few models. */
    known: new Map<string, boolean>(),
  };
}

function scopeConcerns({ scope, namespaceId }: Policy, index: Index): Concern[] {
  const concerns: Concern[] = [];
  const never = (isSo: boolean, path: string, message: string) => {
    if (isSo)
      concerns.push({ rule: 'policy-never-applies', path: `scope.${path}`, message: `It never applies: ${message}` });
  };
  const key = index.keys.get(scope.virtualKeyId ?? '');
  if (key !== undefined) {
    const isElsewhere = key.namespaceIds.length > 0 && !key.namespaceIds.includes(namespaceId ?? '');
    never(!key.isEnabled, 'virtualKeyId', `the virtual key "${key.name}" is disabled.`);
    never(namespaceId !== undefined && isElsewhere, 'virtualKeyId', `"${key.name}" does not open the namespace.`);
    never(differ(scope.tenantId, key.tenantId ?? ''), 'tenantId', `"${key.name}" is of another tenant or of none.`);
  }
  const tenant = index.tenants.get(scope.tenantId ?? key?.tenantId ?? '');
  if (tenant !== undefined) {
    const type = tenant.customerTypeId ?? key?.customerTypeId ?? scope.customerTypeId;
    never(differ(scope.customerTypeId, type), 'customerTypeId', `"${tenant.name}" is of another customer type.`);
  }
  const upstream = index.upstreams.get(scope.upstreamId ?? '');
  never(upstream?.isEnabled === false, 'upstreamId', 'the upstream is disabled.');
  if (upstream !== undefined) {
    never(differ(scope.providerId, upstream.providerId), 'providerId', 'the upstream is of another provider.');
  }
  const provider = index.providers.get(scope.providerId ?? upstream?.providerId ?? '');
  never(provider?.isEnabled === false, 'providerId', `the provider "${provider?.name}" is disabled.`);
  never(!isServed(scope, index), 'model', `no enabled provider that it concerns serves "${scope.model}".`);
  return concerns;
}

function differ(wanted: string | undefined, actual: string | undefined): boolean {
  return wanted !== undefined && wanted !== actual;
}

function isServed({ model, providerId }: PolicyScope, { served, known }: Index): boolean {
  if (model === undefined) return true;
  const key = `${providerId ?? ''} ${model}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  const isFound = served.some(
    (each) => (providerId === undefined || each.providerId === providerId) && overlap(each.model, model),
  );
  known.set(key, isFound);
  return isFound;
}

/** Whether two models, or prefixes that end in `*`, have a model in common. */
export function overlap(left: string, right: string): boolean {
  const [a, b] = [left.replace(/\*$/, ''), right.replace(/\*$/, '')];
  if (left.endsWith('*') && right.endsWith('*')) return a.startsWith(b) || b.startsWith(a);
  if (left.endsWith('*')) return b.startsWith(a);
  return right.endsWith('*') ? a.startsWith(b) : a === b;
}

function ruleConcerns({ rule, scope }: Policy, { unpriced }: Index): Concern[] {
  if (rule.kind === 'token-limit') return tokenConcerns(rule);
  if (rule.kind === 'message-matching' && isDead(rule.condition)) {
    const [name, reason] = DEAD_PATTERN;
    const effect = rule.action === 'deny' ? 'So nothing is refused.' : 'So everything is refused.';
    return [{ rule: name, path: 'rule.condition.value', message: `${reason} ${effect}` }];
  }
  if (rule.kind !== 'budget-limit') return [];
  const missing = unpriced.filter(({ id }) => scope.providerId === undefined || scope.providerId === id);
  if (missing.length === 0) return [];
  const named = missing.slice(0, 5).map(({ name }) => `"${name}"`);
  const message = `Requests to models without a price are refused; there is no price of ${named.join(', ')}.`;
  return [{ rule: 'budget-without-price', path: 'rule', message }];
}

function tokenConcerns({ windows, maxInputTokens, maxOutputTokens }: TokenLimit): Concern[] {
  return windows.flatMap(({ maxTokens, counts }, index) => {
    const path = `rule.windows.${index}.maxTokens`;
    const concerns: Concern[] = [];
    if (counts === 'total' && maxTokens < TYPICAL_REQUEST_TOKENS) {
      const message = `A typical request takes ${TYPICAL_REQUEST_TOKENS} tokens, more than the window has.`;
      concerns.push({ rule: 'window-below-typical-request', path, message });
    }
    if (counts !== 'output' && maxInputTokens !== undefined && maxInputTokens > maxTokens) {
      const message = 'The cap is larger than a window, which refuses such inputs before.';
      concerns.push({ rule: 'cap-above-window', path: 'rule.maxInputTokens', message });
    }
    if (counts !== 'input' && maxOutputTokens !== undefined && maxOutputTokens > maxTokens) {
      const message = 'The cap is larger than a window, so that no answer can reach it.';
      concerns.push({ rule: 'cap-above-window', path: 'rule.maxOutputTokens', message });
    }
    return concerns;
  });
}
