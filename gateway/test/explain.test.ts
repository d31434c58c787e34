import type { Explanation } from '@ai-gateway/contracts';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { ask, plainAnswer, policy, rulesWith, startGateway, startUpstream } from './support/test-gateway.ts';

const KEY = { id: 'vk1', name: 'phone', prefix: 'vk_abc', secretHash: 'a'.repeat(64), tenantId: 't1' };
const TENANT = { id: 't1', name: 'Acme', customerTypeId: 'c1' };

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
beforeEach(() => {
  setRules();
});

const setRules = (overrides: Record<string, unknown> = {}) =>
  gateway.setRules(
    rulesWith([upstream.url], {
      virtualKeys: [KEY],
      tenants: [TENANT],
      customerTypes: [{ id: 'c1', name: 'gold' }],
      ...overrides,
    }),
  );

async function post(body: unknown, token = 'test-token') {
  return fetch(`${gateway.url}/internal/v1/explain`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

async function explain(request: object = {}, more: object = {}): Promise<Explanation> {
  const asked = { headers: { 'X-Channel-Code': 'test-channel' }, body: ask(), ...request };
  const response = await post({ request: asked, ...more });
  if (response.status !== 200) throw new Error(await response.text());
  return (await response.json()) as Explanation;
}

it('tells every step of a request that would be admitted, and takes nothing', async () => {
  setRules({
    policies: [
      policy('qps', { kind: 'qps-limit', maxQps: 5 }),
      policy('slots', { kind: 'concurrency-limit', maxConcurrent: 3 }),
      policy('tokens', {
        kind: 'token-limit',
        maxInputTokens: 100,
        maxOutputTokens: 40,
        windows: [{ windowSeconds: 60, maxTokens: 1_000 }],
      }),
      policy('words', {
        kind: 'message-matching',
        condition: { source: 'body', field: 'user', operator: 'equals', value: 'bad' },
        action: 'deny',
      }),
    ],
  });
  await gateway.chat(ask({ max_tokens: 10 }));
  const before = await gateway.limits();
  const explained = await explain({ body: ask({ max_tokens: 500 }) });
  expect(explained).toMatchObject({
    gatewayId: 'test',
    revision: 7,
    matchersTried: 1,
    matchers: [
      {
        matcherId: 'm0',
        namespaceId: 'n1',
        isMatched: true,
        condition: { source: 'header', field: 'X-Channel-Code', operator: 'equals', value: 'test-channel' },
      },
    ],
    namespace: { id: 'n1', code: 'test-channel', authMode: 'open' },
    caller: { kind: 'anonymous' },
    model: { requested: 'm', resolved: 'm', providerId: 'p1', provider: 'acme' },
    messagePolicies: [{ policyId: 'words', result: 'passes' }],
    caps: [{ policyId: 'tokens', maxInputTokens: 100, maxOutputTokens: 40, isInputExceeded: false }],
    input: { tokens: 1, isExact: true, isRecorded: false },
    outputCap: { tokens: 40, policyId: 'tokens' },
    demand: { inputTokens: 1, outputTokens: 40, isGuess: false },
    targets: [{ upstreamId: 'u0', isHealthy: true, isChosen: true }],
    limitStore: 'process',
    decision: { kind: 'admitted' },
  });
  const counter = (id: string) => explained.limits.find(({ policyId }) => policyId === id);
  expect(counter('slots')).toMatchObject({ counts: 'slots', bound: 3, before: 0, after: 1, isPassed: true });
  expect(counter('tokens')).toMatchObject({ counts: 'total', bound: 1_000, before: 7, after: 48, isPassed: true });
  expect(counter('qps')).toMatchObject({ kind: 'requestRate', bound: 5, isPassed: true });

  const after = await gateway.limits();
  const still = (all: typeof before) => all.filter(({ kind }) => kind !== 'requestRate');
  expect(still(after)).toEqual(still(before));
  expect(gateway.inFlight()).toBe(0);
  expect(gateway.records).toHaveLength(1);
  expect(upstream.seen).toHaveLength(1);
});

it('tells what refuses and when it would pass, of all limits and not only the first', async () => {
  setRules({
    policies: [
      policy('rate', { kind: 'qps-limit', maxQps: 0.1, burst: 1 }),
      policy('day', { kind: 'request-limit', windows: [{ windowSeconds: 3_600, maxRequests: 1 }] }),
      policy('free', { kind: 'concurrency-limit', maxConcurrent: 9 }),
    ],
  });
  expect((await gateway.chat(ask())).status).toBe(200);
  for (let round = 0; round < 3; round++) {
    const { limits, decision } = await explain();
    expect(limits.map(({ policyId, isPassed }) => [policyId, isPassed])).toEqual([
      ['day', false],
      ['free', true],
      ['rate', false],
    ]);
    expect(limits.every(({ before, after }) => before === after)).toBe(true);
    expect(decision).toMatchObject({ kind: 'refused', stage: 'reserve', code: 'rate_limit_exceeded', status: 429 });
    expect(new Set(decision.policyIds)).toEqual(new Set(['rate', 'day']));
    expect(decision.passesInMs).toBeGreaterThan(3_000_000);
    expect(limits.find(({ policyId }) => policyId === 'rate')?.passesInMs).toBeLessThanOrEqual(10_000);
  }
});

it('says that a request would wait where the namespace lets it', async () => {
  setRules({
    namespaces: [{ id: 'n1', code: 'test-channel', name: 'T', authMode: 'open', maxWaitMs: 2_000 }],
    policies: [policy('slow', { kind: 'qps-limit', maxQps: 0.5, burst: 1 })],
  });
  await gateway.chat(ask());
  expect((await explain()).decision).toMatchObject({ kind: 'waits', maxWaitMs: 2_000, policyIds: ['slow'] });
  // Asking has put nobody in line.
  expect((await explain()).decision.passesInMs).toBeLessThanOrEqual(2_000);
});

it.each([
  [{ headers: {} }, { stage: 'matchNamespace', code: 'namespace_not_found', status: 404 }],
  [{ headers: { 'x-channel-code': 'disabled' } }, { stage: 'matchNamespace', code: 'namespace_disabled' }],
  [{ headers: { 'x-channel-code': 'closed' } }, { stage: 'authenticate', code: 'invalid_api_key', status: 401 }],
  [{ body: ask({ model: 'nobody-has-it' }) }, { stage: 'resolveModel', code: 'model_not_found' }],
  [{ body: ask({ max_tokens: 0 }) }, { stage: 'parseBody', code: 'invalid_max_tokens', param: 'max_tokens' }],
  [{ body: undefined }, { stage: 'parseBody', code: 'invalid_json' }],
  [{ path: '/v1/nothing' }, { stage: 'route', code: 'not_found' }],
  [{ method: 'GET' }, { stage: 'route', code: 'method_not_allowed' }],
])('explains the refusal of %j', async (request, decision) => {
  expect((await explain(request)).decision).toMatchObject({ kind: 'refused', ...decision });
});

it('shows how far a request came that was refused on the way', async () => {
  const { matchers, namespace, matchersTried } = await explain({ headers: { 'x-channel-code': 'disabled' } });
  expect(matchers.map(({ matcherId, isMatched }) => [matcherId, isMatched])).toEqual([
    ['m0', false],
    ['m1', false],
    ['m2', true],
  ]);
  expect(matchersTried).toBe(3);
  expect(namespace).toMatchObject({ id: 'n3', isEnabled: false });
});

it('takes a key by its id or prefix in place of its secret, and tells which level a layered limit comes from', async () => {
  setRules({
    layeredLimits: [
      { id: 'g', targetType: 'global', limit: { control: 'rpm', maxRequests: 5 } },
      { id: 'c', targetType: 'customer_type', targetId: 'c1', limit: { control: 'rpm', maxRequests: 50 } },
      {
        id: 't',
        targetType: 'tenant',
        targetId: 't1',
        providerId: 'p1',
        limit: { control: 'rpm', maxRequests: 20, windowSeconds: 30 },
      },
      { id: 'gt', targetType: 'global', limit: { control: 'tpm', maxTokens: 9_000 } },
    ],
  });
  for (const virtualKeyId of ['vk1', 'vk_abc']) {
    const explained = await explain({ headers: { 'x-channel-code': 'closed' }, virtualKeyId });
    expect(explained.caller).toEqual({
      kind: 'key',
      virtualKeyId: 'vk1',
      name: 'phone',
      tenantId: 't1',
      customerTypeId: 'c1',
    });
    expect(
      explained.limits.map(({ layer, overridden, bound }) => [layer?.id, bound, overridden.map(({ id }) => id)]),
    ).toEqual([
      ['t', 20, ['c', 'g']],
      ['gt', 9_000, []],
    ]);
    expect(explained.decision.kind).toBe('admitted');
    expect(JSON.stringify(explained)).not.toContain(KEY.secretHash);
  }
  const unknown = await post({ request: { virtualKeyId: 'vk9' } });
  expect([unknown.status, await unknown.text()]).toEqual([400, expect.stringContaining('virtualKeyId')]);
});

it('counts recorded tokens in place of a text that is gone', async () => {
  setRules({ policies: [policy('cap', { kind: 'token-limit', maxInputTokens: 100 })] });
  const { input, decision } = await explain({}, { recordedInputTokens: 5_000 });
  expect(input).toEqual({ tokens: 5_000, isExact: true, isRecorded: true });
  expect(decision).toMatchObject({ stage: 'capOutput', code: 'input_tokens_exceeded', policyIds: ['cap'] });
  setRules({ models: [{ id: 'row', providerId: 'p1', name: 'm', contextTokens: 4_096 }] });
  expect((await explain({}, { recordedInputTokens: 4_096 })).decision.kind).toBe('admitted');
  const { decision: tooLong } = await explain({}, { recordedInputTokens: 4_097 });
  expect(tooLong).toMatchObject({ stage: 'prepareCall', code: 'context_length_exceeded' });
});

it('explains what passes through untouched', async () => {
  setRules({ policies: [policy('slots', { kind: 'concurrency-limit', maxConcurrent: 1 })] });
  const { limits, decision } = await explain({ method: 'GET', path: '/v1/files?limit=1', body: undefined });
  expect([limits.length, decision.kind]).toEqual([1, 'admitted']);
});

it('tells who would answer without using up a turn, with those that stand in', async () => {
  const other = await startUpstream(plainAnswer('other'));
  setRules({
    providers: [
      { id: 'p1', name: 'acme', models: ['m'], strategy: 'round_robin' },
      { id: 'p2', name: 'spare', models: ['m2'] },
    ],
    upstreams: [
      { id: 'u0', providerId: 'p1', baseUrl: upstream.url },
      { id: 'u1', providerId: 'p1', baseUrl: other.url },
      { id: 'u2', providerId: 'p2', baseUrl: other.url },
    ],
    fallbacks: [{ id: 'f', model: 'm', targets: [{ model: 'm2' }] }],
  });
  try {
    for (let turn = 0; turn < 4; turn++) {
      const before = [await explain(), await explain(), await explain()];
      const chosen = before.map(({ targets }) => targets.find(({ isChosen }) => isChosen)?.upstreamId);
      await gateway.chat(ask());
      const answeredBy = gateway.records.at(-1)?.upstreamId;
      expect(chosen).toEqual([answeredBy, answeredBy, answeredBy]);
      expect(before[0]?.targets.at(-1)).toMatchObject({ provider: 'spare', model: 'm2', upstreamId: 'u2' });
    }
  } finally {
    await other.close();
  }
});

it('knows an answer that is kept, for which no tokens are asked', async () => {
  setRules({
    namespaces: [{ id: 'n1', code: 'test-channel', name: 'T', authMode: 'open', cache: { ttlSeconds: 60 } }],
    policies: [policy('tokens', { kind: 'token-limit', windows: [{ windowSeconds: 60, maxTokens: 10_000 }] })],
  });
  expect((await explain()).demand?.outputTokens).toBeGreaterThan(0);
  await gateway.chat(ask());
  expect((await explain()).demand).toEqual({ inputTokens: 0, outputTokens: 0, isGuess: false });
});

it('says the same as the gateway does, over a run of requests', async () => {
  setRules({
    policies: [
      policy('requests', { kind: 'request-limit', windows: [{ windowSeconds: 600, maxRequests: 12 }] }),
      policy('tokens', { kind: 'token-limit', windows: [{ windowSeconds: 600, maxTokens: 150 }], counting: 'exact' }),
    ],
  });
  const statuses: number[] = [];
  for (const max_tokens of [10, 500, 60, 60, 60, 10, 140, 90, 30, 10, 10, 10, 10, 10, 10]) {
    const { decision } = await explain({ body: ask({ max_tokens }) });
    const { status } = await gateway.chat(ask({ max_tokens }));
    expect([max_tokens, decision.status ?? 200]).toEqual([max_tokens, status]);
    statuses.push(status);
  }
  expect(new Set(statuses)).toEqual(new Set([200, 400, 429]));
});

it('answers nobody but the config center, and refuses nonsense with a reason', async () => {
  expect((await post({ request: {} }, 'wrong')).status).toBe(401);
  expect((await post('no json')).status).toBe(400);
  const refused = await post({ request: { headers: 'x' } });
  expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('request.headers')]);
  expect((await post({ request: { path: '/v1/../x' } })).status).toBe(400);
});
