import { type LintFinding, snapshotShape } from '@ai-gateway/contracts';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LISTS, type SnapshotContent } from '../build-snapshot.ts';
import { changeFindings, newFindings } from './lint.ts';

const shape = snapshotShape.omit({ epoch: true, revision: true, createdAt: true });
const flag = fc.boolean();
const oneOf = <T>(...values: readonly T[]) => fc.constantFrom(...values);
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const NAMESPACES = ['n1', 'n2', 'n3'];

const ROWS = {
  namespaces: fc.record({ code: oneOf('one', 'two'), name: oneOf('N'), isEnabled: flag }),
  matchers: fc.record({
    namespaceId: oneOf(...NAMESPACES),
    source: oneOf('header', 'path'),
    field: oneOf('x'),
    operator: oneOf('equals', 'in', 'starts_with', 'regex'),
    value: oneOf('/', '/a', '/a,/b', 'b', 'a^'),
    priority: oneOf(1, 2),
    isEnabled: flag,
  }),
  policies: fc.record({
    namespaceId: maybe(oneOf(...NAMESPACES)),
    name: oneOf('P'),
    isEnabled: flag,
    scope: fc.record({
      virtualKeyId: maybe(oneOf('v1', 'v2')),
      tenantId: maybe(oneOf('t1', 't2')),
      customerTypeId: maybe(oneOf('c1', 'c2')),
      providerId: maybe(oneOf('p1', 'p2')),
      upstreamId: maybe(oneOf('u1', 'u2')),
      model: maybe(oneOf('m', 'm*', 'o')),
    }),
    rule: oneOf(
      { kind: 'token-limit', windows: [{ windowSeconds: 60, maxTokens: 10 }] },
      { kind: 'budget-limit', windows: [{ windowSeconds: 60, maxAmount: '5' }] },
    ),
  }),
  providers: fc.record({
    name: oneOf('acme'),
    models: fc.subarray(['m', 'm1', 'o*']),
    apiKeyEnv: maybe(oneOf('A_API_KEY')),
    priority: oneOf(1),
    isEnabled: flag,
  }),
  upstreams: fc.record({ providerId: oneOf('p1', 'p2'), baseUrl: oneOf('https://a.example.com'), isEnabled: flag }),
  virtualKeys: fc.record({
    name: oneOf('K'),
    prefix: oneOf('vk_1'),
    secretHash: oneOf('0'.repeat(64)),
    namespaceIds: fc.subarray(NAMESPACES),
    tenantId: maybe(oneOf('t1', 't2')),
    customerTypeId: maybe(oneOf('c1', 'c2')),
    isEnabled: flag,
  }),
  tenants: fc.record({ name: oneOf('T'), customerTypeId: maybe(oneOf('c1', 'c2')) }),
  customerTypes: fc.record({ name: oneOf('C') }),
  prices: fc.record({
    providerId: oneOf('p1', 'p2'),
    model: oneOf('m'),
    inputPerMillion: oneOf('1'),
    outputPerMillion: oneOf('1'),
  }),
  rates: fc.record({
    providerId: oneOf('p1', 'p2'),
    model: oneOf('m', '*'),
    customerTypeId: maybe(oneOf('c1', 'c2')),
    inputPerMillion: oneOf('1'),
    outputPerMillion: oneOf('1'),
  }),
  layeredLimits: fc.record({
    targetType: oneOf('customer_type', 'tenant'),
    targetId: oneOf('c1', 't1'),
    limit: oneOf({ control: 'tpm', maxTokens: 0 }, { control: 'tpm', maxTokens: 5 }),
    isEnabled: flag,
  }),
};
const IDS = {
  namespaces: NAMESPACES,
  matchers: ['m1', 'm2', 'm3'],
  policies: ['a1', 'a2', 'a3'],
  providers: ['p1', 'p2'],
  upstreams: ['u1', 'u2'],
  virtualKeys: ['v1', 'v2'],
  tenants: ['t1', 't2'],
  customerTypes: ['c1', 'c2'],
  prices: ['x1', 'x2'],
  rates: ['r1', 'r2'],
  layeredLimits: ['l1', 'l2'],
} as const;
type Judged = keyof typeof ROWS;

const listOf = (list: Judged) =>
  fc
    .tuple(...IDS[list].map((id) => maybe((ROWS[list] as fc.Arbitrary<object>).map((row) => ({ ...row, id })))))
    .map((rows) => rows.filter((row) => row !== undefined));
const rules = fc.record(
  Object.fromEntries((Object.keys(ROWS) as Judged[]).map((list) => [list, listOf(list)])),
) as fc.Arbitrary<Record<Judged, readonly { readonly id: string }[]>>;
const written = oneOf(...(Object.keys(ROWS) as Judged[]));

const keyOf = ({ rule, id, path, message }: LintFinding) => JSON.stringify([rule, id, path, message]);
const byKey = (left: LintFinding, right: LintFinding) => keyOf(left).localeCompare(keyOf(right));

it('finds what looking through all the rules finds, whatever is written', () => {
  const one = fc.tuple(rules, rules, fc.array(written, { minLength: 1, maxLength: 2 }), fc.nat(2));
  fc.assert(
    fc.property(one, ([first, other, lists, index]) => {
      const changed: Record<string, readonly { readonly id: string }[]> = { ...first };
      const ids = new Map<string, Set<string>>();
      for (const list of lists) {
        const id = IDS[list][index % IDS[list].length] ?? '';
        const kept = first[list].filter((row) => row.id !== id);
        changed[list] = [...kept, ...other[list].filter((row) => row.id === id)];
        ids.set(LISTS.find(([name]) => name === list)?.[1] ?? '', new Set([id]));
      }
      const [before, after] = [shape.parse(first), shape.parse(changed)] as [SnapshotContent, SnapshotContent];
      const named = new Set([...ids.values()].flatMap((set) => [...set]));
      expect(changeFindings({ before, after, written: ids as never }).sort(byKey)).toEqual(
        newFindings({ before, after }, named).sort(byKey),
      );
    }),
    { numRuns: 2_000 },
  );
});
