import type { AuditEntry, PolicyTestResult, ScheduledRow } from '@ai-gateway/contracts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { gatewayctl } from './support/gatewayctl.ts';
import { ADMIN_TOKEN, eventually, type Stack, startStack } from './support/stack.ts';

let stack: Stack;
let policy: Record<string, unknown> & { id: string };
let other: { id: string };
let testId: string;

const ask = { model: 'Qwen3-8B', messages: [{ role: 'user', content: 'hi' }], max_tokens: 4 };
const request = { headers: { 'X-Channel-Code': 'tested' }, body: ask };
const CASES = [
  { name: 'first', request, atMs: 0, durationMs: 1_000, expect: { decision: 'allowed', namespace: 'tested' } },
  { name: 'second', request, atMs: 0, durationMs: 1_000, expect: { decision: 'allowed' } },
  {
    name: 'one too many',
    request,
    atMs: 999,
    expect: { decision: 'refused', code: 'rate_limit_exceeded', policyName: 'two at a time' },
  },
  { name: 'when one has ended', request, atMs: 1_000, expect: { decision: 'allowed' } },
];

beforeAll(async () => {
  stack = await startStack();
  const channel = await stack.channel('tested');
  other = await stack.channel('other');
  const made = await stack.admin<typeof policy>('POST', '/policies', {
    namespaceId: channel.id,
    name: 'two at a time',
    rule: { kind: 'concurrency-limit', maxConcurrent: 2 },
  });
  const { version: _, createdAt: __, updatedAt: ___, ...row } = made as Record<string, unknown>;
  policy = row as typeof policy;
  testId = (await stack.admin('POST', '/policy-tests', { name: 'slots', cases: CASES })).id;
  await stack.live();
});
afterAll(() => stack.close());

/** Replaces the policy's bound. */
async function setBound(maxConcurrent: number, query = '') {
  const { id, ...draft } = policy;
  const response = await fetch(`${stack.configCenter.url}/api/v2/policies/${id}${query}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ...draft, rule: { kind: 'concurrency-limit', maxConcurrent } }),
  });
  const { message, data } = (await response.json()) as {
    message: string;
    data: { errors?: { path: string; message: string }[] };
  };
  return { status: response.status, message, faults: data.errors ?? [] };
}

const revision = async () => (await stack.admin<{ revision: number }>('GET', '/gateways')).revision;
const bound = async () =>
  (await stack.admin<{ rule: { maxConcurrent: number } }>('GET', `/policies/${policy.id}`)).rule.maxConcurrent;
/** What the audit log says of the newest revision. */
async function audited(): Promise<readonly AuditEntry[]> {
  const page = `/audit?kind=revision&rowId=${await revision()}`;
  return (await stack.admin<{ items: AuditEntry[] }>('GET', page)).items;
}

it('runs against the rules in force, on a gateway, and takes nothing there', async () => {
  const { results } = await stack.admin<{ results: PolicyTestResult[] }>('POST', '/policy-tests/run', {});
  expect(results).toMatchObject([{ testId, name: 'slots', isPassed: true }]);
  expect(results[0]?.cases.map(({ decision }) => decision)).toEqual(['allowed', 'allowed', 'refused', 'allowed']);
  const counter = async () => (await stack.stats()).limits.find(({ policyId }) => policyId === policy.id);
  await eventually(async () => (await counter()) !== undefined, 'the counter of the policy');
  expect(await counter()).toMatchObject({ current: 0 });
  await expect(stack.admin('POST', '/policy-tests/run', { testIds: ['nobody'] })).rejects.toThrow(/testIds.0/);
});

it('refuses a change that breaks a test, naming test and case, expected and got, and lets others pass', async () => {
  const before = await revision();
  const refused = await setBound(3);
  expect(refused).toMatchObject({ status: 409, message: 'Policy tests fail.' });
  expect(refused.faults).toMatchObject([{ path: 'policyTests.slots.one too many' }]);
  expect(refused.faults[0]?.message).toMatch(/expected .*"refused".*"two at a time".*got .*"allowed"/);
  expect([await revision(), await bound()]).toEqual([before, 2]);

  await stack.admin('PUT', `/namespaces/${other.id}`, { code: 'other', name: 'Renamed', authMode: 'open' });
  expect(await revision()).toBe(before + 1);
  expect(await audited()).toEqual([]);
});

it('lets a change pass that says so, and tells the audit log', async () => {
  const first = await revision();
  expect(await setBound(3, '?ignoreTests=true')).toMatchObject({ status: 200 });
  expect(await audited()).toMatchObject([{ actor: 'automation', after: { policyTests: 'ignored' } }]);
  const { results } = await stack.admin<{ results: PolicyTestResult[] }>('POST', '/policy-tests/run', {
    testIds: [testId],
  });
  expect(results).toMatchObject([{ isPassed: false, cases: [{}, {}, { isPassed: false, decision: 'allowed' }, {}] }]);
  const failed = await gatewayctl(stack, 'test', 'slots');
  expect(failed).toMatchObject({ code: 1, error: '' });
  expect(failed.out).toMatch(/^failed slots\n {4}one too many: allowed\n0 of 1 passed on revision \d+\n$/);

  // Back to what passes, which needs no more than that; and forth, which is refused.
  await stack.admin('POST', `/revisions/${first}/rollback`);
  expect(await bound()).toBe(2);
  expect(await gatewayctl(stack, 'test')).toMatchObject({ code: 0, out: expect.stringContaining('1 of 1 passed') });
  expect(await gatewayctl(stack, 'test', 'nobody')).toMatchObject({ code: 2 });
  await expect(stack.admin('POST', `/revisions/${first + 1}/rollback`)).rejects.toThrow(/one too many/);
});

it('fails a scheduled change that breaks a test', async () => {
  const { id, ...draft } = policy;
  const write = { action: 'update', resource: 'policies', id, draft: { ...draft, isEnabled: false } };
  const effectiveFrom = new Date(Date.now() + 500).toISOString();
  const { id: changeId } = await stack.admin<ScheduledRow>('POST', '/scheduled', { effectiveFrom, writes: [write] });
  const entry = async () =>
    (await stack.admin<{ items: ScheduledRow[] }>('GET', '/scheduled')).items.find((row) => row.id === changeId);
  await eventually(async () => (await entry())?.status === 'failed', 'the failure of the scheduled change');
  expect((await entry())?.reason).toContain('policyTests.slots.one too many');
  expect((await stack.admin<{ isEnabled: boolean }>('GET', `/policies/${id}`)).isEnabled).toBe(true);
});

it('tests that are disabled block nothing', async () => {
  const off = { name: 'slots', isEnabled: false, cases: CASES };
  await stack.admin('PUT', `/policy-tests/${testId}`, off);
  expect(await setBound(5)).toMatchObject({ status: 200 });
  expect(await audited()).toEqual([]);
  expect(await setBound(2)).toMatchObject({ status: 200 });
  await stack.admin('PUT', `/policy-tests/${testId}`, { ...off, isEnabled: true });
});

it('lets changes pass while no gateway answers, and tells the audit log', async () => {
  await stack.gateway.stop('SIGKILL');
  expect(await setBound(4)).toMatchObject({ status: 200 });
  expect(await audited()).toMatchObject([{ after: { policyTests: 'not run', reason: expect.any(String) } }]);
  await expect(stack.admin('POST', '/policy-tests/run', {})).rejects.toThrow(/were not run/);
});
