import { createHmac } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import {
  ask,
  KEY_PEPPER,
  plainAnswer,
  policy,
  rulesWith,
  startGateway,
  startUpstream,
} from './support/test-gateway.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function setUp(rules: Record<string, unknown>, urls = 1) {
  const upstreams = await Promise.all(Array.from({ length: urls }, () => startUpstream(plainAnswer('ok'))));
  const gateway = await startGateway(
    rulesWith(
      upstreams.map(({ url }) => url),
      rules,
    ),
  );
  closers.push(...upstreams.map(({ close }) => close), gateway.close);
  const [upstream] = upstreams;
  if (upstream === undefined) throw new Error('there is always one');
  return { upstream, upstreams, gateway };
}

const hashOf = (secret: string) => createHmac('sha256', KEY_PEPPER).update(secret).digest('hex');
const key = (id: string, more: object = {}) => ({
  id,
  name: id,
  prefix: 'vk_',
  secretHash: hashOf(`vk_${id}`),
  ...more,
});
const codeOf = async (response: Response) =>
  response.ok ? 'ok' : ((await response.json()) as { error: { code: string } }).error.code;

describe('the model of a request', () => {
  it('goes upstream by the name that the provider knows, with no more tokens than the model gives', async () => {
    const { upstream, gateway } = await setUp({
      models: [
        { id: 'a', providerId: 'p1', name: 'chat', upstreamName: 'ep-1', aliases: ['talk'], maxOutputTokens: 100 },
      ],
      redirects: [{ id: 'r', model: 'old-*', target: 'acme/talk' }],
    });
    const { status } = await gateway.chat(ask({ model: 'old-1', max_tokens: 500, provider: 'acme' }));
    expect(status).toBe(200);
    const sent = JSON.parse(upstream.seen[0]?.body ?? '');
    expect(sent).toMatchObject({ model: 'ep-1', max_tokens: 100 });
    expect(sent).not.toHaveProperty('provider');
    expect(gateway.records[0]).toMatchObject({ requestedModel: 'old-1', resolvedModel: 'chat', modelLabel: 'chat' });
    await gateway.chat(ask({ model: 'chat', provider: { order: ['x'] } }));
    expect(JSON.parse(upstream.seen[1]?.body ?? '')).toMatchObject({ model: 'ep-1', provider: { order: ['x'] } });
    expect(JSON.parse(upstream.seen[1]?.body ?? '')).not.toHaveProperty('max_tokens');
  });

  it('is refused before anything is counted when the namespace or the key does not let it through', async () => {
    const { upstream, gateway } = await setUp({
      namespaces: [{ id: 'n1', code: 'a', name: 'a', deniedModels: ['gpt-4*'] }],
      virtualKeys: [key('k', { allowedModels: ['gpt-*'] })],
      policies: [policy('qps', { kind: 'qps-limit', maxQps: 1 })],
    });
    const headers = { authorization: 'Bearer vk_k' };
    expect(await codeOf(await gateway.chat(ask({ model: 'gpt-4' }), headers))).toBe('model_not_found');
    expect(await codeOf(await gateway.chat(ask({ model: 'm' }), headers))).toBe('model_not_found');
    expect(await codeOf(await gateway.chat(ask({ model: 'gpt-3' }), headers))).toBe('ok');
    expect(upstream.seen).toHaveLength(1);
  });
});

describe('the list of models', () => {
  const rules = {
    models: [
      {
        id: 'a',
        providerId: 'p1',
        name: 'chat',
        aliases: ['talk'],
        contextTokens: 8_192,
        maxOutputTokens: 100,
        capabilities: ['vision'],
      },
    ],
    virtualKeys: [key('k', { allowedModels: ['chat'] })],
  };

  it("has what the caller may use, in OpenAI's form", async () => {
    const { gateway } = await setUp(rules);
    const list = async (headers: Record<string, string>) =>
      (await fetch(`${gateway.url}/v1/models`, { headers })).json() as Promise<{ data: { id: string }[] }>;
    const open = await list({ 'x-channel-code': 'test-channel' });
    expect(open.data.map(({ id }) => id)).toEqual(['m', 'chat', 'talk']);
    const headers = { 'x-channel-code': 'closed', authorization: 'Bearer vk_k' };
    expect(await list(headers)).toEqual({
      object: 'list',
      data: ['chat', 'talk'].map((id) => ({
        id,
        object: 'model',
        created: 0,
        owned_by: 'acme',
        context_window: 8_192,
        max_output_tokens: 100,
        capabilities: ['vision'],
      })),
    });
    const one = async (name: string) => (await fetch(`${gateway.url}/v1/models/${name}`, { headers })).status;
    expect(await Promise.all(['chat', 'acme%2Fchat', 'm', 'gpt-4'].map(one))).toEqual([200, 400, 404, 404]);
    expect(await one('acme/chat')).toBe(200);
  });

  it("is in Anthropic's form for Anthropic's clients, page by page", async () => {
    const { gateway } = await setUp(rules);
    const headers = { 'x-channel-code': 'test-channel', 'anthropic-version': '2023-06-01' };
    const page = async (query: string) => (await fetch(`${gateway.url}/v1/models${query}`, { headers })).json();
    const model = (id: string) => ({ type: 'model', id, display_name: id, created_at: '1970-01-01T00:00:00Z' });
    expect(await page('?limit=2')).toEqual({
      data: [model('m'), model('chat')],
      first_id: 'm',
      last_id: 'chat',
      has_more: true,
    });
    expect(await page('?limit=2&after_id=chat')).toMatchObject({ data: [model('talk')], has_more: false });
    expect(await page('?limit=1&before_id=talk')).toMatchObject({ data: [model('chat')], has_more: true });
    expect(await page('/chat')).toEqual(model('chat'));
  });
});

describe('a location', () => {
  const locations = [
    { id: 'l1', path: '/qwen', rewriteTo: '/v1/chat/completions', upstreamId: 'u1', addHeaders: { 'x-team': 'shop' } },
    { id: 'l2', path: '/files/*', rewriteTo: '/v1/files/*' },
    { id: 'l3', path: '/native/', rewriteTo: '/api/v1/services/' },
    { id: 'l4', path: '/raw/*', rewriteTo: '/v1/*' },
    { id: 'l5', path: '/*', rewriteTo: '/elsewhere/*', priority: 900 },
  ];
  const post = (url: string, body: unknown = ask()) =>
    fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-channel-code': 'test-channel', 'x-team': 'client' },
      body: JSON.stringify(body),
    });

  it('leads a path into the inspected pipeline, to its upstream, with its headers', async () => {
    const { upstreams, gateway } = await setUp({ locations, policies: [policy('deny', DENY_SECRET)] }, 3);
    for (let count = 0; count < 8; count++) expect((await post(`${gateway.url}/qwen?a=1`)).status).toBe(200);
    expect(upstreams.map(({ seen }) => seen.length)).toEqual([0, 8, 0]);
    expect(upstreams[1]?.seen[0]).toMatchObject({ path: '/v1/chat/completions', headers: { 'x-team': 'shop' } });
    const refused = await post(`${gateway.url}/qwen`, ask({ user: 'secret' }));
    expect(await codeOf(refused)).toBe('policy_violation');
    const got = await fetch(`${gateway.url}/qwen`, { headers: { 'x-channel-code': 'test-channel' } });
    expect(await codeOf(got)).toBe('method_not_allowed');
  });

  it('whose upstream is switched off leaves it alone', async () => {
    const { upstreams, gateway } = await setUp({ locations }, 2);
    const off = rulesWith(
      upstreams.map(({ url }) => url),
      { locations },
    );
    gateway.setRules({ ...off, upstreams: off.upstreams.map((one) => ({ ...one, isEnabled: one.id !== 'u1' })) });
    for (let count = 0; count < 4; count++) expect((await post(`${gateway.url}/qwen`)).status).toBe(200);
    expect(upstreams.map(({ seen }) => seen.length)).toEqual([4, 0]);
  });

  it('passes other paths through, below /v1 and beside it, and keeps the query', async () => {
    const { upstream, gateway } = await setUp({ locations });
    const headers = { 'x-channel-code': 'test-channel' };
    for (const path of ['/files/7/content?x=1', '/native/tts', '/v1/audio/speech'])
      expect((await fetch(gateway.url + path, { headers })).status).toBe(200);
    expect(upstream.seen.map(({ path }) => path)).toEqual([
      '/v1/files/7/content?x=1',
      '/api/v1/services/tts',
      '/elsewhere/v1/audio/speech',
    ]);
    expect((await fetch(`${gateway.url}/native/tts`)).status).toBe(404);
  });

  it('leads neither past the limits of tokens nor to what is not a plain path, nor away from our own pages', async () => {
    const { upstream, gateway } = await setUp({
      locations: [...locations, { id: 'l0', path: '/dot/*', rewriteTo: '/v1/.*/x' }],
    });
    // A chat is what neither of these takes: they look into what they are sent.
    for (const path of ['/raw/completions', '/raw/responses', '/raw/embeddings'])
      expect(await codeOf(await post(gateway.url + path)), path).toBe('invalid_request');
    for (const path of ['/raw/messages/batches', '/raw/%63ompletions', '/raw/%zz', '/raw/Chat/completions'])
      expect(await codeOf(await post(gateway.url + path)), path).toBe('not_found');
    expect(await codeOf(await post(`${gateway.url}/dot/.`))).toBe('invalid_request');
    expect(await codeOf(await post(`${gateway.url}/dot/`))).not.toBe('ok');
    expect((await fetch(`${gateway.url}/health`)).status).toBe(200);
    expect((await fetch(`${gateway.url}/metrics`)).status).toBe(200);
    const models = await fetch(`${gateway.url}/v1/models`, { headers: { 'x-channel-code': 'test-channel' } });
    expect(await models.json()).toMatchObject({ object: 'list' });
    expect(upstream.seen).toEqual([]);
  });
});

const DENY_SECRET = {
  kind: 'message-matching',
  action: 'deny',
  condition: { source: 'body', field: 'user', operator: 'equals', value: 'secret' },
};

describe('the owner of a virtual key', () => {
  const closed = { 'x-channel-code': 'closed' };

  it.each([
    ['pending', 'user_not_active'],
    ['active', 'ok'],
    ['free_period', 'ok'],
    ['overdue', 'insufficient_balance'],
    ['blacklisted', 'user_not_active'],
    ['canceled', 'user_not_active'],
  ])('that is %s: %s', async (status, expected) => {
    const { gateway } = await setUp({
      virtualKeys: [key('k', { userId: 'user_1' })],
      users: [{ id: 'user_1', name: 'Ada', status }],
    });
    const answer = await gateway.chat(ask(), { ...closed, authorization: 'Bearer vk_k' });
    expect(await codeOf(answer)).toBe(expected);
  });

  it('has its tenant pay: two keys of two users share the limit of the tenant', async () => {
    const users = ['u1', 'u2'].map((id) => ({ id, name: id, status: 'active', tenantId: 't' }));
    const { gateway } = await setUp({
      tenants: [{ id: 't', name: 'T' }],
      users,
      virtualKeys: users.map(({ id }) => key(id, { userId: id })),
      layeredLimits: [{ id: 'll', targetType: 'tenant', targetId: 't', limit: { control: 'rpm', maxRequests: 1 } }],
    });
    const send = async (id: string) =>
      codeOf(await gateway.chat(ask(), { ...closed, authorization: `Bearer vk_${id}` }));
    expect([await send('u1'), await send('u2')]).toEqual(['ok', 'rate_limit_exceeded']);
  });

  it('may use the secret before a rotation until the grace is over', async () => {
    const rotated = (id: string, previousUntil: string, more: object = {}) =>
      key(id, { previousSecretHash: hashOf(`vk_old-${id}`), previousUntil, ...more });
    const { gateway } = await setUp({
      virtualKeys: [
        rotated('a', '2999-01-01T00:00:00Z'),
        rotated('b', '2020-01-01T00:00:00Z'),
        rotated('c', '2999-01-01T00:00:00Z', { expiresAt: '2020-01-01T00:00:00Z' }),
      ],
    });
    const send = async (secret: string) =>
      codeOf(await gateway.chat(ask(), { ...closed, authorization: `Bearer ${secret}` }));
    expect(await Promise.all(['vk_a', 'vk_old-a', 'vk_b', 'vk_old-b', 'vk_old-c'].map(send))).toEqual([
      'ok',
      'ok',
      'ok',
      'invalid_api_key',
      'invalid_api_key',
    ]);
  });
});
