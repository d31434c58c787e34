import fc from 'fast-check';
import { expect, it } from 'vitest';
import { exportRuleSet, yamlOf } from './export.ts';
import type { RuleRow, RuleRows } from './names.ts';
import { planRuleSet } from './plan.ts';
import { readRuleSet } from './read-file.ts';

const NONE: RuleRows = {
  customerTypes: [],
  tenants: [],
  namespaces: [],
  providers: [],
  upstreams: [],
  virtualKeys: [],
  prices: [],
  rates: [],
  matchers: [],
  layeredLimits: [],
  policies: [],
  models: [],
  redirects: [],
  locations: [],
  portkeyConfigs: [],
};
let drawn = 0;
const newId = (prefix: string) => `${prefix}_new${++drawn}`;
const options = { prune: true, newId };

/** Texts that YAML could mistake for something else, too. */
const text = fc.oneof(
  fc.string({ minLength: 1, maxLength: 8 }),
  fc.constantFrom('true', 'null', '1e3', '2026-01-01', '# no comment', 'a: b', '- x', ' spaced ', 'x #2', '~', '行\n'),
);
const code = fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,6}$/);
const rowsNamed = <T>(names: fc.Arbitrary<string>, make: (name: string, id: string) => fc.Arbitrary<T>) =>
  fc
    .uniqueArray(names, { maxLength: 4 })
    .chain((list) => fc.tuple(...list.map((name, index) => make(name, `id${list.length - index}`))));
const some = <T>(
  rows: readonly { id: string }[],
  make: (id: fc.Arbitrary<string>) => fc.Arbitrary<T>,
): fc.Arbitrary<T[]> =>
  rows.length === 0 ? fc.constant([]) : fc.array(make(fc.constantFrom(...rows.map(({ id }) => id))), { maxLength: 4 });
const withIds = (prefix: string, rows: readonly object[]): RuleRow[] =>
  rows.map((row, index) => ({ id: `${prefix}${index}`, ...row }));
const set = (record: object): object => Object.fromEntries(Object.entries(record).filter(([, v]) => v !== undefined));

/** Sound rules of every kind, with rows that share their names. */
const anyRules: fc.Arbitrary<RuleRows> = fc
  .record({
    customerTypes: rowsNamed(text, (name, id) => fc.constant({ id, name })),
    namespaces: rowsNamed(code, (value, id) =>
      fc.record({
        id: fc.constant(id),
        code: fc.constant(value),
        name: text,
        description: text,
        isEnabled: fc.boolean(),
        authMode: fc.constantFrom('open', 'key'),
        maxWaitMs: fc.nat(60_000),
        maxWaiting: fc.constant(100),
        weight: fc.integer({ min: 1, max: 9 }),
      }),
    ),
    providers: rowsNamed(code, (name, id) =>
      fc.constant({ id, name, dialect: 'openai', models: ['m*'], priority: 1, isEnabled: true }),
    ),
  })
  .chain(({ customerTypes, namespaces, providers }) =>
    fc
      .record({
        customerTypes: fc.constant(customerTypes as RuleRow[]),
        namespaces: fc.constant(namespaces as RuleRow[]),
        providers: fc.constant(providers as RuleRow[]),
        tenants: rowsNamed(text, (name, id) =>
          fc
            .option(
              customerTypes.length === 0 ? fc.constant(undefined) : fc.constantFrom(...customerTypes.map((c) => c.id)),
            )
            .map((customerTypeId) => set({ id, name, customerTypeId: customerTypeId ?? undefined })),
        ),
        upstreams: some(providers, (providerId) =>
          fc.record({
            providerId,
            baseUrl: fc.constantFrom('https://a.example', 'https://b.example'),
            weight: fc.integer({ min: 1, max: 3 }),
            isEnabled: fc.boolean(),
            connectTimeoutMs: fc.constant(5000),
            firstByteTimeoutMs: fc.constant(5000),
            idleTimeoutMs: fc.constant(5000),
            totalTimeoutMs: fc.constant(5000),
          }),
        ).map((rows) => withIds('ups', rows)),
        virtualKeys: some(namespaces, (namespaceId) =>
          fc.record({
            name: fc.constantFrom('key', 'key (p1)', 'other'),
            prefix: fc.constantFrom('p1', 'p2', 'p3'),
            secretHash: fc.constant('0'.repeat(64)),
            namespaceIds: fc.array(namespaceId, { maxLength: 2 }),
            isEnabled: fc.boolean(),
          }),
        ).map((rows) => withIds('vk', rows)),
      })
      .chain((base) =>
        fc
          .record({
            matchers: some(base.namespaces, (namespaceId) =>
              fc.record({
                namespaceId,
                source: fc.constant('header'),
                field: fc.constant('x-a'),
                operator: fc.constant('equals'),
                value: text,
                isEnabled: fc.boolean(),
              }),
            ).map((rows) => withIds('mat', rows).map((row, index) => ({ ...row, priority: index + 1 }))),
            policies: fc
              .array(
                fc
                  .record({
                    namespaceId: fc.option(fc.constantFrom(undefined, ...base.namespaces.map(({ id }) => id))),
                    virtualKeyId: fc.option(fc.constantFrom(undefined, ...base.virtualKeys.map(({ id }) => id))),
                    upstreamId: fc.option(fc.constantFrom(undefined, ...base.upstreams.map(({ id }) => id))),
                    name: fc.constantFrom('one', 'two'),
                    maxQps: fc.integer({ min: 1, max: 3 }),
                  })
                  .map(({ namespaceId, virtualKeyId, upstreamId, name, maxQps }) =>
                    set({
                      namespaceId: namespaceId ?? undefined,
                      scope: set({ virtualKeyId: virtualKeyId ?? undefined, upstreamId: upstreamId ?? undefined }),
                      countPer: [],
                      name,
                      description: '',
                      priority: 1,
                      isEnabled: true,
                      mode: 'enforce',
                      onLimiterDown: 'local',
                      rule: { kind: 'qps-limit', maxQps },
                    }),
                  ),
                { maxLength: 4 },
              )
              .map((rows) => withIds('pol', rows)),
            layeredLimits: fc.constant(
              withIds(
                'll',
                (base.tenants as RuleRow[]).map(({ id }) => ({
                  targetType: 'tenant',
                  targetId: id,
                  isEnabled: true,
                  onLimiterDown: 'local',
                  countPer: 'level',
                  limit: { control: 'tpm', maxTokens: 5, windowSeconds: 60 },
                })),
              ),
            ),
            prices: fc.constant(
              withIds(
                'price',
                base.providers.map(({ id }) => ({
                  providerId: id,
                  model: 'm',
                  inputPerMillion: '1',
                  outputPerMillion: '2.5',
                })),
              ),
            ),
          })
          .map(({ prices, ...rest }) => ({
            ...rest,
            prices,
            rates: withIds(
              'rate',
              prices.map(({ id: _, ...price }, index) =>
                set({ ...price, customerTypeId: base.customerTypes[index]?.id }),
              ),
            ),
          }))
          .map((rest): RuleRows => ({ ...NONE, ...base, tenants: base.tenants as RuleRow[], ...rest })),
      ),
  );

it('changes nothing when what was exported is applied, as YAML and as JSON', () => {
  fc.assert(
    fc.property(anyRules, (rows) => {
      const file = exportRuleSet(rows);
      for (const sent of [yamlOf(file), JSON.stringify(file), file]) {
        const plan = planRuleSet(readRuleSet(sent), rows, options);
        expect(plan.faults.filter(({ path }) => path !== 'matchers')).toEqual([]);
        expect([plan.changes, plan.writes, plan.removals]).toEqual([[], [], []]);
      }
    }),
    { numRuns: 300 },
  );
});

it('makes the same rules from nothing, and nothing from an empty file', () => {
  fc.assert(
    fc.property(anyRules, (all) => {
      // Keys cannot come from a file, and twins of an upstream may change places.
      const upstreams = [...new Map(all.upstreams.map((row) => [`${row.providerId} ${row.baseUrl}`, row])).values()];
      const policies = all.policies.map((row) => ({ ...row, scope: {} }));
      const rows = { ...all, upstreams, policies, virtualKeys: [] };
      const file = exportRuleSet(rows);
      const made = planRuleSet(readRuleSet(yamlOf(file)), NONE, options);
      expect(made.faults).toEqual([]);
      expect(exportRuleSet(made.after)).toEqual(file);
      const emptied = planRuleSet(readRuleSet(exportRuleSet(NONE)), made.after, options);
      expect(exportRuleSet(emptied.after)).toEqual(exportRuleSet(NONE));
    }),
    { numRuns: 150 },
  );
});
