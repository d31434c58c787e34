import { snapshotShape } from '@ai-gateway/contracts';
import { expect, it } from 'vitest';
import { lint } from './lint.ts';

const shape = snapshotShape.omit({ epoch: true, revision: true, createdAt: true });
const matcher = (id: string, namespaceId: string, rest: object) => ({
  id,
  namespaceId,
  source: 'header',
  field: 'X-A',
  operator: 'equals',
  value: 'a',
  priority: 100,
  ...rest,
});
const BASE = {
  namespaces: [
    { id: 'n1', code: 'one', name: 'One' },
    { id: 'n2', code: 'two', name: 'Two' },
  ],
  matchers: [matcher('m1', 'n1', {}), matcher('m2', 'n2', { value: 'b' })],
  policies: [] as object[],
  providers: [{ id: 'p1', name: 'acme', models: ['gpt-*'], priority: 1, apiKeyEnv: 'ACME_API_KEY' }],
  upstreams: [{ id: 'u1', providerId: 'p1', baseUrl: 'https://api.example.com' }],
  virtualKeys: [] as object[],
  tenants: [{ id: 't1', name: 'Acme', customerTypeId: 'c1' }],
  customerTypes: [{ id: 'c1', name: 'Gold' }],
  layeredLimits: [] as object[],
};
const found = (change: Partial<Record<keyof typeof BASE | 'prices' | 'portkeyConfigs', readonly object[]>>) =>
  lint(shape.parse({ ...BASE, ...change })).map(({ severity, rule, id }) => `${severity} ${rule} ${id}`);
const policy = (rule: object, rest: object = {}) => ({
  policies: [{ id: 'pol', name: 'P', namespaceId: 'n1', rule, ...rest }],
});
const tokens = (maxTokens: number, rest: object = {}) => ({
  kind: 'token-limit',
  windows: [{ windowSeconds: 60, maxTokens }],
  ...rest,
});

it('has nothing to say about sound rules', () => {
  expect(found(policy(tokens(10_000), { scope: { model: 'gpt-4o', providerId: 'p1' } }))).toEqual([]);
});

it.each<[string, object, object]>([
  ['the same condition', { priority: 1 }, {}],
  ['a list with the value', { operator: 'in', value: 'x, a', priority: 1 }, {}],
  ['a list for a list', { operator: 'in', value: 'x, a', priority: 1 }, { operator: 'in', value: 'a,x' }],
  ['a prefix of the value', { operator: 'starts_with', value: 'a', priority: 1 }, { value: 'abc' }],
  ['a regex that takes every value', { operator: 'regex', value: '.*', priority: 1 }, { operator: 'ends_with' }],
  ['a path that all have', { source: 'path', operator: 'starts_with', value: '/', priority: 1 }, { field: 'x-b' }],
  ['a header in other letters', { field: 'x-a', priority: 1 }, {}],
])('names a matcher behind %s', (_, first, second) => {
  expect(found({ matchers: [matcher('m1', 'n1', first), matcher('m2', 'n2', second)] })).toEqual([
    'warning matcher-shadowed m2',
  ]);
});

it.each<[object, object]>([
  [{ operator: 'regex', value: '^a', priority: 1 }, {}],
  [
    { operator: 'in', value: 'a', priority: 1 },
    { operator: 'in', value: 'a,b' },
  ],
  [{ priority: 1, isEnabled: true }, { field: 'x-b' }],
  [{ priority: 100 }, { priority: 1, source: 'path', operator: 'starts_with', value: '/' }],
])('does not call %j a shadow on %j', (first, second) => {
  const findings = found({ matchers: [matcher('m1', 'n1', first), matcher('m2', 'n2', second)] });
  expect(findings).not.toContain('warning matcher-shadowed m2');
});

it.each<[string, Parameters<typeof found>[0], string]>([
  [
    'matcher of a path without slash',
    { matchers: [matcher('m1', 'n1', {}), matcher('m2', 'n2', { source: 'path', value: 'x' })] },
    'warning matcher-never-matches m2',
  ],
  [
    'pattern that is dead',
    { matchers: [matcher('m1', 'n1', {}), matcher('m2', 'n2', { operator: 'regex', value: 'a^' })] },
    'warning pattern-never-matches m2',
  ],
  [
    'message pattern that is dead',
    policy({
      kind: 'message-matching',
      action: 'deny',
      condition: { source: 'header', field: 'x', operator: 'regex', value: '渠道' },
    }),
    'warning pattern-never-matches pol',
  ],
  ['namespace without matcher', { matchers: BASE.matchers.slice(1) }, 'warning namespace-without-matcher n1'],
  [
    'namespace that is off',
    { namespaces: [{ ...BASE.namespaces[0], isEnabled: false }, BASE.namespaces[1]!] },
    'warning namespace-disabled n1',
  ],
  ['window for no request', policy(tokens(1)), 'error limit-impossible pol'],
  [
    'budget of nothing',
    {
      ...policy({ kind: 'budget-limit', windows: [{ windowSeconds: 60, maxAmount: '0.00' }] }),
      prices: [{ id: 'x', providerId: 'p1', model: '*', inputPerMillion: '1', outputPerMillion: '1' }],
    },
    'error limit-impossible pol',
  ],
  ['window below a request', policy(tokens(999)), 'warning window-below-typical-request pol'],
  ['cap above its window', policy(tokens(5000, { maxOutputTokens: 6000 })), 'warning cap-above-window pol'],
  [
    'model that nobody serves',
    policy(tokens(5000), { scope: { model: 'claude-*' } }),
    'warning policy-never-applies pol',
  ],
  [
    'tenant of another type',
    policy(tokens(5000), { scope: { tenantId: 't1', customerTypeId: 'c2' } }),
    'warning policy-never-applies pol',
  ],
  [
    'provider that is off',
    {
      ...policy(tokens(5000), { scope: { providerId: 'p1' } }),
      providers: [{ ...BASE.providers[0], isEnabled: false }],
    },
    'warning policy-never-applies pol',
  ],
  ['provider without upstream', { upstreams: [] }, 'warning provider-without-upstream p1'],
  [
    'Portkey gateway whose config is off',
    {
      providers: [{ ...BASE.providers[0], dialect: 'portkey' }],
      portkeyConfigs: [{ id: 'c', providerId: 'p1', name: 'main', isEnabled: false, targets: [{ providerId: 'p2' }] }],
    },
    'warning portkey-without-config p1',
  ],
  [
    'provider without key',
    { providers: [{ id: 'p1', name: 'acme', models: [], priority: 1 }] },
    'warning provider-without-key p1',
  ],
  [
    'budget without price',
    policy({ kind: 'budget-limit', windows: [{ windowSeconds: 60, maxAmount: '5' }] }),
    'warning budget-without-price pol',
  ],
  [
    'level of nobody',
    {
      tenants: [],
      layeredLimits: [
        { id: 'l', targetType: 'customer_type', targetId: 'c1', limit: { control: 'tpm', maxTokens: 9 } },
      ],
    },
    'warning layered-limit-concerns-nobody l',
  ],
  [
    'level that all replace',
    {
      layeredLimits: [
        { id: 'l', targetType: 'customer_type', targetId: 'c1', limit: { control: 'tpm', maxTokens: 9 } },
        { id: 'k', targetType: 'tenant', targetId: 't1', limit: { control: 'tpm', maxTokens: 8 } },
      ],
    },
    'warning layered-limit-overridden l',
  ],
])('finds a %s', (_, change, expected) => {
  expect(found(change)).toContain(expected);
});

it('takes a stored key for the key of its provider', () => {
  const keyless = { providers: [{ id: 'p1', name: 'acme', models: [], priority: 1 }] };
  const sealed = { masterKeyId: 'k', wrappedKey: 'w', ciphertext: 'c' };
  const key = { id: 'pk', providerId: 'p1', name: 'main', lastFour: '1234', sealed };
  const content = { ...shape.parse({ ...BASE, ...keyless }), providerKeys: [{ ...key, isEnabled: true }] };
  expect(lint(content as never)).toEqual([]);
});
