import type { Explanation } from '@ai-gateway/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { ask, plainAnswer, rulesWith, type Script, startGateway, startUpstream } from './support/test-gateway.ts';

/** Fallbacks, kept answers and explanations where providers and clients speak different protocols. */

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each.close();
});

const fails: Script = (_request, response) => {
  response.writeHead(500, { 'content-type': 'application/json' }).end('{"error":{"message":"no"}}');
};

const message: Script = (_request, response) => {
  response.setHeader('content-type', 'application/json');
  const content = [{ type: 'text', text: 'from a message' }];
  const usage = { input_tokens: 3, output_tokens: 4 };
  response.end(
    JSON.stringify({
      id: 'm',
      type: 'message',
      role: 'assistant',
      model: 'm',
      content,
      stop_reason: 'end_turn',
      usage,
    }),
  );
};

/** A provider of each dialect with its script; the first serves the model `m`, the others stand in. */
async function setUp(providers: readonly (readonly [string, Script])[], namespace: object = {}) {
  const upstreams = await Promise.all(providers.map(([, script]) => startUpstream(script)));
  const standIns = providers.slice(1).map((_, index) => ({ providerId: `p${index + 1}` }));
  const rules = rulesWith([], {
    namespaces: [{ id: 'n1', code: 'test-channel', name: 'Test', authMode: 'open', ...namespace }],
    matchers: [
      {
        id: 'm0',
        namespaceId: 'n1',
        source: 'header',
        field: 'x-channel-code',
        operator: 'equals',
        value: 'test-channel',
      },
    ],
    providers: providers.map(([dialect], index) => ({
      id: `p${index}`,
      name: `p${index}`,
      dialect,
      models: [index === 0 ? 'm' : `m${index}`],
      apiKeyEnv: `KEY${index}_API_KEY`,
    })),
    upstreams: upstreams.map(({ url }, index) => ({ id: `u${index}`, providerId: `p${index}`, baseUrl: url })),
    fallbacks: providers.length === 1 ? [] : [{ id: 'f', model: 'm', targets: standIns }],
  });
  const secrets = Object.fromEntries(providers.map((_, index) => [`KEY${index}_API_KEY`, `secret${index}`]));
  const gateway = await startGateway(rules, secrets);
  open.push(...upstreams, gateway);
  const post = (path: string, body: object, headers: Record<string, string> = {}) =>
    fetch(gateway.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-channel-code': 'test-channel', ...headers },
      body: JSON.stringify(body),
    });
  return { gateway, upstreams, post };
}

const messagesAsk = { model: 'm', max_tokens: 50, messages: [{ role: 'user', content: 'hi' }] };

describe('a fallback of another protocol', () => {
  it('is asked in its own, with its own key, and answers in that of the client', async () => {
    const { gateway, upstreams } = await setUp([
      ['openai', fails],
      ['anthropic', message],
    ]);
    const response = await gateway.chat(ask());
    expect([response.status, await response.json()]).toMatchObject([
      200,
      { object: 'chat.completion', choices: [{ message: { content: 'from a message' }, finish_reason: 'stop' }] },
    ]);
    expect(upstreams[0]?.seen.at(-1)).toMatchObject({
      path: '/v1/chat/completions',
      headers: { authorization: 'Bearer secret0' },
    });
    expect(upstreams[1]?.seen[0]).toMatchObject({ path: '/v1/messages', headers: { 'x-api-key': 'secret1' } });
    expect(upstreams[1]?.seen[0]?.headers.authorization).toBeUndefined();
    expect(gateway.records[0]).toMatchObject({ provider: 'p1', upstreamId: 'u1', facts: { providerId: 'p1' } });
    expect(gateway.records[0]?.outcome.usage).toMatchObject({ inputTokens: 3, outputTokens: 4 });
  });

  it('stands in for a provider whose clients speak that protocol, too', async () => {
    const { post, upstreams } = await setUp([
      ['anthropic', fails],
      ['openai', plainAnswer('from a completion')],
    ]);
    const response = await post('/v1/messages', messagesAsk);
    expect(await response.json()).toMatchObject({
      type: 'message',
      content: [{ type: 'text', text: 'from a completion' }],
    });
    expect(upstreams[1]?.seen[0]).toMatchObject({
      path: '/v1/chat/completions',
      headers: { authorization: 'Bearer secret1' },
    });
  });

  it('is passed over when it cannot carry the request, and the next stands in', async () => {
    const { gateway, upstreams } = await setUp([
      ['openai', fails],
      ['anthropic', message],
      ['openai', plainAnswer('third')],
    ]);
    // Anthropic gives one answer at a time.
    const response = await gateway.chat(ask({ n: 2 }));
    expect([response.status, upstreams[1]?.seen.length, upstreams[2]?.seen.length]).toEqual([200, 0, 1]);
    expect((await gateway.chat(ask())).status).toBe(200);
    expect(upstreams[1]?.seen.length).toBe(1);
  });

  it('does not hide that the provider of the model cannot carry the request', async () => {
    const { gateway, upstreams } = await setUp([
      ['anthropic', message],
      ['openai', plainAnswer('x')],
    ]);
    expect((await gateway.chat(ask({ n: 2 }))).status).toBe(400);
    expect(upstreams.map(({ seen }) => seen.length)).toEqual([0, 0]);
  });
});

describe('kept answers', () => {
  const cache = { cache: { ttlSeconds: 60 } };
  const resultOf = (response: Response) => response.headers.get('x-gateway-cache');

  it.each(['openai', 'anthropic'])(
    'of a provider that speaks %s are replayed to each endpoint in its form',
    async (dialect) => {
      const { gateway, upstreams, post } = await setUp(
        [[dialect, dialect === 'openai' ? plainAnswer('kept') : message]],
        cache,
      );
      for (const [path, body] of [
        ['/v1/messages', messagesAsk],
        ['/v1/chat/completions', messagesAsk],
      ] as const) {
        const first = await post(path, body);
        const second = await post(path, body);
        expect([path, first.status, resultOf(first), resultOf(second)]).toEqual([path, 200, 'miss', 'hit']);
        const [was, is] = [(await first.json()) as object, (await second.json()) as object];
        expect(is).toEqual({ ...was, ...('created' in was && { created: expect.any(Number) }) });
        expect(is).toHaveProperty(path === '/v1/messages' ? 'content' : 'choices');
      }
      expect(upstreams[0]?.seen.length).toBe(2);
      expect(gateway.records.map(({ outcome }) => outcome.usage.source)).toEqual([
        'provider',
        'none',
        'provider',
        'none',
      ]);
    },
  );

  it('depend on the headers that the provider sees', async () => {
    const { post } = await setUp([['anthropic', message]], cache);
    const results: (string | null)[] = [];
    for (const beta of ['a', 'b', 'a']) {
      results.push(resultOf(await post('/v1/messages', messagesAsk, { 'anthropic-beta': beta })));
    }
    expect(results).toEqual(['miss', 'miss', 'hit']);
  });
});

describe('explaining', () => {
  it.each([
    ['/v1/messages', messagesAsk],
    ['/v1/messages/count_tokens', { model: 'm', messages: messagesAsk.messages }],
    ['/v1/responses', { model: 'm', input: '' }],
    ['/v1/completions', { model: 'm', prompt: ['', ''] }],
    ['/v1/embeddings', { model: 'm', input: '' }],
  ])('decides %s as the gateway does, without asking a provider', async (path, body) => {
    const { gateway, upstreams } = await setUp([['openai-responses', fails]]);
    const explain = async (asked: object) => {
      const response = await fetch(`${gateway.url}/internal/v1/explain`, {
        method: 'POST',
        headers: { authorization: 'Bearer test-token', 'content-type': 'application/json' },
        body: JSON.stringify({ request: { path, headers: { 'x-channel-code': 'test-channel' }, ...asked } }),
      });
      return ((await response.json()) as Explanation).decision;
    };
    expect(await explain({ body })).toMatchObject({ kind: 'admitted' });
    expect(await explain({ body: { ...body, model: 'nobody' } })).toMatchObject({ code: 'model_not_found' });
    expect(await explain({ body, method: 'GET' })).toMatchObject({ code: 'method_not_allowed' });
    expect(upstreams[0]?.seen.length).toBe(0);
  });
});
