import type { PolicyTestResult } from '@ai-gateway/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, plainAnswer, policy, rulesWith, startGateway, startUpstream } from './support/test-gateway.ts';

const KEY = { id: 'vk1', name: 'phone', prefix: 'vk_abc', secretHash: 'a'.repeat(64), namespaceIds: ['n2'] };

let upstream: Awaited<ReturnType<typeof startUpstream>>;
let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeAll(async () => {
  upstream = await startUpstream(plainAnswer('fine'));
  gateway = await startGateway(rulesWith([upstream.url]));
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

async function post(body: unknown, token = 'test-token') {
  return fetch(`${gateway.url}/internal/v1/policy-tests`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

/** A case of the open namespace; its name is what it expects. */
const at = (atMs: number, decision: 'allowed' | 'refused', more: object = {}) => ({
  name: `${decision} at ${atMs}`,
  atMs,
  request: { headers: { 'X-Channel-Code': 'test-channel' }, body: ask({ max_tokens: 10 }) },
  expect: { decision },
  ...more,
});

async function run(overrides: Record<string, unknown>, cases: readonly object[]): Promise<PolicyTestResult> {
  const rules = rulesWith([upstream.url], overrides);
  const response = await post({ rules, tests: [{ id: 't', name: 'test', cases }] });
  if (response.status !== 200) throw new Error(await response.text());
  const [result] = ((await response.json()) as { results: PolicyTestResult[] }).results;
  if (result === undefined) throw new Error('no result');
  return result;
}

const decisions = ({ cases }: PolicyTestResult) => cases.map(({ decision }) => decision);
const failed = ({ cases }: PolicyTestResult) => cases.filter(({ isPassed }) => !isPassed);

describe('limits on the clock of a test', () => {
  it('has both edges of a rate', async () => {
    const rule = { kind: 'qps-limit', maxQps: 1, burst: 2 };
    const result = await run({ policies: [policy('rate', rule)] }, [
      at(0, 'allowed'),
      at(0, 'allowed'),
      at(0, 'refused', { expect: { decision: 'refused', code: 'rate_limit_exceeded', policyId: 'rate' } }),
      at(999, 'refused'),
      at(1_000, 'allowed'),
      at(1_000, 'refused', { expect: { decision: 'refused', policyName: 'rate', namespace: 'test-channel' } }),
    ]);
    expect(failed(result)).toEqual([]);
    expect(result.isPassed).toBe(true);
  });

  it('has both edges of a slot, which is free at the end of its request', async () => {
    const rule = { kind: 'concurrency-limit', maxConcurrent: 1 };
    const held = { durationMs: 5_000 };
    const result = await run({ policies: [policy('slots', rule)] }, [
      at(0, 'allowed', held),
      at(0, 'refused', held),
      at(4_999, 'refused', held),
      at(5_000, 'allowed', held),
      at(5_000, 'refused'),
      at(10_000, 'allowed'),
      at(10_000, 'allowed'),
    ]);
    expect(failed(result)).toEqual([]);
  });

  it('counts the tokens that a case says, and gives back what is not used', async () => {
    const rule = { kind: 'token-limit', windows: [{ windowSeconds: 60, maxTokens: 100 }] };
    const body = ask({ max_tokens: 50 });
    const request = { headers: { 'X-Channel-Code': 'test-channel' }, body };
    const tokens = { request, inputTokens: 20 };
    const result = await run({ policies: [policy('window', rule)] }, [
      // 20 of input and 50 reserved; 20 + 10 are used once it has ended.
      at(0, 'allowed', { ...tokens, outputTokens: 10, durationMs: 100 }),
      at(99, 'refused', tokens),
      at(100, 'allowed', { ...tokens, outputTokens: 50 }),
      at(100, 'refused', tokens),
      at(59_000, 'refused', tokens),
      at(130_000, 'allowed', { ...tokens, inputTokens: 50 }),
      at(130_000, 'refused', {
        ...tokens,
        inputTokens: 51,
        expect: { decision: 'refused', code: 'tokens_exceed_limit' },
      }),
    ]);
    expect(failed(result)).toEqual([]);
  });

  it('never waits in line, and starts every test afresh', async () => {
    const namespaces = [{ id: 'n1', code: 'test-channel', name: 'Test', authMode: 'open', maxWaitMs: 30_000 }];
    const policies = [policy('slots', { kind: 'concurrency-limit', maxConcurrent: 1 })];
    const cases = [at(0, 'allowed', { durationMs: 60_000 }), at(0, 'refused')];
    const rules = rulesWith([upstream.url], { namespaces, policies });
    const tests = ['a', 'b'].map((id) => ({ id, name: id, cases }));
    const { results } = (await (await post({ rules, tests })).json()) as { results: PolicyTestResult[] };
    expect(results.map(decisions)).toEqual([
      ['allowed', 'refused'],
      ['allowed', 'refused'],
    ]);
  });
});

it('runs the rules before the limits, and says what it got where it expected something else', async () => {
  const deny = { source: 'body', field: 'user', operator: 'equals', value: 'bad' };
  const policies = [policy('words', { kind: 'message-matching', condition: deny, action: 'deny' })];
  const to = (code: string, body: object = ask()) => ({ request: { headers: { 'X-Channel-Code': code }, body } });
  const result = await run({ policies, virtualKeys: [KEY] }, [
    at(0, 'refused', {
      ...to('test-channel', ask({ user: 'bad' })),
      expect: { decision: 'refused', code: 'policy_violation', policyName: 'words' },
    }),
    at(0, 'allowed', to('test-channel', ask({ user: 'good' }))),
    at(0, 'refused', { ...to('nowhere'), expect: { decision: 'refused', code: 'namespace_not_found' } }),
    at(0, 'refused', { ...to('closed'), expect: { decision: 'refused', code: 'invalid_api_key' } }),
    at(0, 'allowed', { ...to('closed'), virtualKeyId: 'vk1', expect: { decision: 'allowed', namespace: 'closed' } }),
    at(0, 'allowed', { ...to('closed'), virtualKeyId: 'vk_abc' }),
    at(0, 'refused', { ...to('test-channel', ask({ model: 'none' })), expect: { decision: 'refused' } }),
    at(0, 'refused', { request: { path: '/nothing' }, expect: { decision: 'refused', code: 'not_found' } }),
    at(0, 'refused', { request: { path: '//x' }, expect: { decision: 'refused', code: 'invalid_request' } }),
  ]);
  expect(failed(result)).toEqual([]);
  const wrong = await run({ policies, virtualKeys: [KEY] }, [
    at(0, 'allowed', to('test-channel', ask({ user: 'bad' }))),
    at(0, 'refused', { ...to('closed'), virtualKeyId: 'gone' }),
    at(0, 'allowed', { expect: { decision: 'allowed', namespace: 'closed' } }),
  ]);
  expect(wrong.isPassed).toBe(false);
  expect(wrong.cases).toMatchObject([
    {
      isPassed: false,
      decision: 'refused',
      code: 'policy_violation',
      policies: [{ id: 'words', name: 'words' }],
      namespace: 'test-channel',
    },
    { isPassed: false, message: 'There is no virtual key "gone".' },
    { isPassed: false, decision: 'allowed', namespace: 'test-channel' },
  ]);
});

it('asks nobody and takes nothing of what is in force', async () => {
  gateway.setRules(
    rulesWith([upstream.url], { policies: [policy('day', { kind: 'concurrency-limit', maxConcurrent: 2 })] }),
  );
  const before = [await gateway.limits(), upstream.seen.length];
  gateway.tokens.isDown = true;
  const exact = { kind: 'token-limit', maxInputTokens: 1_000, counting: 'exact', windows: [] };
  const result = await run({ policies: [policy('exact', exact)] }, [at(0, 'allowed'), at(0, 'allowed')]);
  gateway.tokens.isDown = false;
  expect(failed(result)).toEqual([]);
  expect([await gateway.limits(), upstream.seen.length]).toEqual(before);
  expect(gateway.inFlight()).toBe(0);
  expect(gateway.records).toEqual([]);
});

it('is for the config center alone, and refuses what it cannot read', async () => {
  expect((await post({}, 'wrong')).status).toBe(401);
  expect((await post('{')).status).toBe(400);
  expect(await (await post({ rules: {}, tests: [] })).json()).toMatchObject({ error: { code: 'invalid_request' } });
  const [first] = rulesWith([upstream.url]).matchers;
  const matchers = [{ ...first, operator: 'regex', value: '(' }];
  const broken = await post({ rules: rulesWith([upstream.url], { matchers }), tests: [] });
  expect(broken.status).toBe(400);
  expect(await broken.json()).toMatchObject({ error: { param: 'rules' } });
});
