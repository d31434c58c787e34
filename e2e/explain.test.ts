import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExplainAnswer, RequestLogRecord, Simulation } from '@ai-gateway/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../gateway/test/support/redis.ts';
import { gatewayctl } from './support/gatewayctl.ts';
import { type Stack, startStack } from './support/stack.ts';

const PROMPT = 'a prompt that nobody may keep';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.close());

interface LogPage {
  readonly items: RequestLogRecord[];
}

describe.each(['HTTP', 'Redis'])('the log of requests, told over %s', (way) => {
  let stack: Stack;
  let namespaceId: string;
  let policyIds: string[];
  let secret: string;
  let keyId: string;
  beforeAll(async () => {
    const environment: Record<string, string> = way === 'Redis' ? { REDIS_URL: redis.url } : {};
    stack = await startStack(environment, () => environment);
    const channel = await stack.channel('explained', [
      { kind: 'request-limit', windows: [{ windowSeconds: 3_600, maxRequests: 3 }] },
      { kind: 'token-limit', maxOutputTokens: 5 },
    ]);
    namespaceId = channel.id;
    policyIds = channel.policyIds;
    const key = await stack.admin<{ id: string; secret: string }>('POST', '/virtual-keys', { name: 'phone' });
    secret = key.secret;
    keyId = key.id;
    await stack.live();
  });
  afterAll(() => stack.close());

  const ask = async (requestId: string) => {
    const response = await fetch(`${stack.gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        'x-channel-code': 'explained',
        'content-type': 'application/json',
        'x-request-id': requestId,
        authorization: `Bearer ${secret}`,
      },
      body: JSON.stringify({ model: 'Qwen3-8B', messages: [{ role: 'user', content: PROMPT }], max_tokens: 4 }),
    });
    await response.text();
    return response.status;
  };
  const log = async () =>
    (await stack.admin<LogPage>('GET', `/request-logs?namespaceId=${namespaceId}&size=100`)).items;

  it('has every ended request with the facts that decided, and neither prompts nor secrets', async () => {
    const statuses: number[] = [];
    for (let count = 0; count < 5; count++) statuses.push(await ask(`${way}-${count}`));
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    await expect.poll(async () => (await log()).length, { timeout: 40_000 }).toBe(5);
    const [newest, , , , oldest] = await log();
    expect(newest).toMatchObject({
      requestId: `${way}-4`,
      method: 'POST',
      path: '/v1/chat/completions',
      outcome: 'refused',
      status: 429,
      errorCode: 'rate_limit_exceeded',
      refusedByPolicyIds: [policyIds[0]],
      virtualKeyId: keyId,
      matched: { headers: { 'x-channel-code': 'explained' } },
      clientMaxTokens: 4,
      kind: 'plain',
    });
    expect(oldest).toMatchObject({
      requestId: `${way}-0`,
      status: 200,
      resolvedModel: 'Qwen3-8B',
    });
    expect(oldest?.outputTokens).toBeGreaterThan(0);
    for (const file of readdirSync(stack.dataDir).filter((name) => name.startsWith('config.db'))) {
      const kept = readFileSync(join(stack.dataDir, file)).toString('latin1');
      expect(kept).not.toContain(PROMPT);
      expect(kept).not.toContain(secret);
    }
  });

  it('explains a new request and one of the log, through the config center', async () => {
    const given = await stack.admin<ExplainAnswer>('POST', '/explain', {
      request: {
        headers: { 'X-Channel-Code': 'explained' },
        body: { model: 'Qwen3-8B', messages: [{ role: 'user', content: 'hi' }] },
        virtualKeyId: keyId,
      },
    });
    expect(given).toMatchObject({
      namespace: { code: 'explained' },
      caller: { kind: 'key', virtualKeyId: keyId, name: 'phone' },
      outputCap: { tokens: 5, policyId: policyIds[1] },
      limits: [{ policyId: policyIds[0], bound: 3, before: 3, after: 3, isPassed: false }],
      limitStore: way === 'Redis' ? 'shared' : 'process',
      decision: { kind: 'refused', code: 'rate_limit_exceeded', status: 429, policyIds: [policyIds[0]] },
      notRecorded: [],
    });
    const recorded = await stack.admin<ExplainAnswer>('POST', '/explain', { requestId: `${way}-0` });
    expect(recorded).toMatchObject({
      caller: { virtualKeyId: keyId },
      model: { resolved: 'Qwen3-8B' },
      outputCap: { tokens: 4 },
      decision: { kind: 'refused', policyIds: [policyIds[0]] },
      recorded: { requestId: `${way}-0`, status: 200 },
    });
    expect(recorded.notRecorded.join(' ')).toContain('messages');
    await expect(stack.admin('POST', '/explain', { requestId: 'never-was' })).rejects.toThrow();
    await expect(stack.admin('POST', '/explain', {})).rejects.toThrow();
  });

  it('replays them: the same rules refuse what was refused, and a draft says what it would change', async () => {
    const range = { from: new Date(Date.now() - 3_600_000).toISOString(), to: new Date().toISOString() };
    const simulate = (policies: readonly object[]) =>
      stack.admin<Simulation>('POST', '/simulate', { namespaceId, policies, ...range });
    const asItWas = await simulate([]);
    expect(asItWas.total).toMatchObject({ requests: 5, refused: 2, actual: { refused: 2 } });
    expect(asItWas.byPolicy.map(({ first }) => first.map(({ requestId }) => requestId))).toEqual([
      [`${way}-3`, `${way}-4`],
    ]);
    expect(asItWas.byKey).toMatchObject([{ virtualKeyId: keyId, name: 'phone', requests: 5, refused: 2 }]);

    const policy = await stack.admin<Record<string, unknown>>('GET', `/policies/${policyIds[0]}`);
    const { version: _, createdAt: __, updatedAt: ___, ...kept } = policy;
    const wider = { ...kept, rule: { kind: 'request-limit', windows: [{ windowSeconds: 3_600, maxRequests: 4 }] } };
    expect(await simulate([wider])).toMatchObject({ total: { refused: 1 }, assumed: 1, isTruncated: false });
    const short = { name: 'short', namespaceId, rule: { kind: 'token-limit', maxOutputTokens: 1 } };
    const cut = await simulate([wider, short]);
    expect(cut.total.cut).toBe(4);
    expect(cut.total.tokensLost).toBeGreaterThan(0);
    await expect(simulate([{ name: 'x', rule: { kind: 'qps-limit', maxQps: -1 } }])).rejects.toThrow(/maxQps/);
    const foreign = { name: 'x', namespaceId: 'nowhere', rule: { kind: 'qps-limit', maxQps: 1 } };
    await expect(simulate([foreign])).rejects.toThrow(/policies.0.namespaceId/);
  });

  it('tells the command line the same', async () => {
    const flags = ['--header', 'X-Channel-Code=explained', '--key-id', keyId, '--model', 'Qwen3-8B', '--message', 'hi'];
    const given = await gatewayctl(stack, 'explain', ...flags);
    expect(given).toMatchObject({ code: 0, error: '' });
    expect(given.out).toMatch(/^decision {4}refused at \w+ with 429 rate_limit_exceeded: /);
    expect(given.out).toMatch(/\ncaller {6}phone\n/);
    expect(given.out).toMatch(/\nmodel {7}Qwen3-8B -> mock\/Qwen3-8B\n/);
    expect(given.out).toMatch(/\nmock +Qwen3-8B +http:/);
    expect(given.out).toMatch(/requests +3 +3 +3 +false/);
    const recorded = await gatewayctl(stack, 'explain', '--request-id', `${way}-0`, '-o', 'json');
    expect(JSON.parse(recorded.out)).toMatchObject({ recorded: { requestId: `${way}-0` } });
    expect(await gatewayctl(stack, 'explain', '--request-id', 'x', '--model', 'm')).toMatchObject({ code: 2 });
    expect(await gatewayctl(stack, 'explain', '--request-id', 'never-was')).toMatchObject({ code: 1 });

    const draft = join(stack.dataDir, 'draft.yaml');
    writeFileSync(
      draft,
      `{ namespaceId: ${namespaceId}, name: short, rule: { kind: token-limit, maxOutputTokens: 1 } }`,
    );
    const simulated = await gatewayctl(stack, 'simulate', 'explained', '-f', draft, '--last', '2h');
    expect(simulated).toMatchObject({ code: 0, error: '' });
    expect(simulated.out).toMatch(/^5 requests: 2 would be refused \(2 were\), .* 3 would be cut/);
    expect(simulated.out).toMatch(/\nshort +0 +0 +3/);
    expect(await gatewayctl(stack, 'simulate', 'explained', '--last', 'soon')).toMatchObject({ code: 2 });
  });
});
