import { snapshotShape } from '@ai-gateway/contracts';
import { expect, it } from 'vitest';
import { RULE_KINDS } from '../domain/rule-set/kinds.ts';
import type { RuleRows } from '../domain/rule-set/names.ts';
import { runTask } from './run.ts';

const [SMALL, LARGE] = [0, 1_000_000_000];
const none = Object.fromEntries(RULE_KINDS.map(({ list }) => [list, []])) as unknown as RuleRows;
const body = JSON.stringify(
  snapshotShape.parse({
    epoch: 'e',
    revision: 1,
    createdAt: '2026-01-01T00:00:00Z',
    namespaces: [{ id: 'n', code: 'lonely', name: 'Lonely' }],
    matchers: [],
    policies: [],
    providers: [],
    upstreams: [],
    virtualKeys: [],
  }),
);

it('finds the same in a thread as without one, and lets others work meanwhile', async () => {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const found = await runTask('lint', body, LARGE);
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(0);
  expect(found).toMatchObject([{ rule: 'namespace-without-matcher', id: 'n' }]);
  expect(await runTask('lint', body, SMALL)).toEqual(found);
});

it.each([['in a thread', LARGE] as const, ['without one', SMALL] as const])('plans a file %s', async (_, size) => {
  const file = 'version: 1\nnamespaces: [{ code: a, name: A }]';
  const plan = await runTask('plan', { file, rows: none, prune: false }, size);
  expect(plan).toMatchObject({
    changes: [{ action: 'create', kind: 'namespaces' }],
    writes: [{ table: 'namespace', action: 'create', row: { code: 'a' } }],
    findings: [{ rule: 'namespace-without-matcher' }],
  });
});

it.each([['in a thread', LARGE] as const, ['without one', SMALL] as const])(
  'refuses a file %s with every fault',
  async (_, size) => {
    const file = 'version: 1\nnamespaces: [{ code: A, name: A, colour: red }]';
    await expect(runTask('plan', { file, rows: none, prune: false }, size)).rejects.toMatchObject({
      name: 'Refusal',
      status: 400,
      faults: [{ path: 'namespaces.0.code' }, { path: 'namespaces.0.colour' }],
    });
  },
);
