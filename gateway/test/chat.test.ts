import { createHmac } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import {
  ask,
  contentEvent,
  DONE,
  eventually,
  FINISH,
  KEY_PEPPER,
  plainAnswer,
  policy,
  rulesWith,
  type Script,
  startGateway,
  startUpstream,
  streamAnswer,
} from './support/test-gateway.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function setUp(script: Script, rules: Record<string, unknown> = {}, secrets: Record<string, string> = {}) {
  const upstream = await startUpstream(script);
  const gateway = await startGateway(rulesWith([upstream.url], rules), secrets);
  closers.push(upstream.close, gateway.close);
  return { upstream, gateway };
}

describe('a request', () => {
  it('reaches the provider with our key, a lowered maximum and the usage report asked for, and nothing else of the client', async () => {
    const { upstream, gateway } = await setUp(
      streamAnswer([contentEvent('ok'), FINISH, DONE]),
      {
        providers: [{ id: 'p1', name: 'acme', models: ['m'], apiKeyEnv: 'ACME_API_KEY' }],
        policies: [policy('cap', { kind: 'token-limit', maxOutputTokens: 50 })],
      },
      { ACME_API_KEY: 'sk-ours' },
    );
    const body = ask({ stream: true, max_tokens: 4000, temperature: 0.5, stream_options: { other: 1 } });
    await (
      await gateway.chat(body, {
        authorization: 'Bearer sk-theirs',
        cookie: 'a=b',
        'x-evil': '1',
        'x-request-id': 'mine-1',
      })
    ).text();
    const [seen] = upstream.seen;
    expect(JSON.parse(seen?.body ?? '')).toEqual({
      ...body,
      max_tokens: 50,
      stream_options: { other: 1, include_usage: true },
    });
    expect(seen?.path).toBe('/v1/chat/completions');
    expect(seen?.headers).toMatchObject({
      authorization: 'Bearer sk-ours',
      'x-request-id': 'mine-1',
      'accept-encoding': 'identity',
    });
    expect(Object.keys(seen?.headers ?? {})).not.toEqual(
      expect.arrayContaining(['cookie', 'x-evil', 'x-channel-code']),
    );
  });

  it('with a provider prefix goes to that provider under the bare name', async () => {
    const { upstream, gateway } = await setUp(plainAnswer('ok'));
    await gateway.chat(ask({ model: 'acme/gpt-4o' }));
    expect(JSON.parse(upstream.seen[0]?.body ?? '').model).toBe('gpt-4o');
  });

  it('is answered with the bytes of the provider and the request id', async () => {
    const { gateway } = await setUp(plainAnswer('Hello 你好'));
    const response = await gateway.chat(ask(), { 'x-request-id': 'abc' });
    expect(response.headers.get('x-request-id')).toBe('abc');
    expect(await response.json()).toMatchObject({
      choices: [{ message: { content: 'Hello 你好' } }],
      usage: { total_tokens: 7 },
    });
    expect(gateway.records[0]).toMatchObject({
      outcome: { kind: 'completed', usage: { inputTokens: 5, outputTokens: 2, source: 'provider' } },
    });
  });

  it('whose answer has no usage is counted by us', async () => {
    const { gateway } = await setUp(plainAnswer('abcdefgh', null));
    await (await gateway.chat(ask())).text();
    expect(gateway.records[0]?.outcome.usage).toEqual({ inputTokens: 1, outputTokens: 2, source: 'counted' });
  });
});

describe('a plain answer', () => {
  it('is cut at the cap, over all choices, with a true usage', async () => {
    const choices = ['abcdefgh', 'ijklmnop', 'qrst'].map((content, index) => ({
      index,
      message: { role: 'assistant', content },
      finish_reason: 'stop',
    }));
    const { gateway } = await setUp(
      (_request, response) => {
        response.setHeader('content-type', 'application/json');
        response.end(
          JSON.stringify({ id: 'c', choices, usage: { prompt_tokens: 5, completion_tokens: 5, total_tokens: 10 } }),
        );
      },
      { policies: [policy('cap', { kind: 'token-limit', maxOutputTokens: 3 })] },
    );
    expect(await (await gateway.chat(ask({ n: 3 }))).json()).toMatchObject({
      choices: [
        { message: { content: 'abcdefgh' }, finish_reason: 'stop' },
        { message: { content: 'ijkl' }, finish_reason: 'length' },
        { message: { content: '' }, finish_reason: 'length' },
      ],
      usage: { prompt_tokens: 1, completion_tokens: 3, total_tokens: 4 },
    });
  });
});

describe('limits', () => {
  const window = policy('w', {
    kind: 'token-limit',
    maxOutputTokens: 50,
    windows: [{ windowSeconds: 3600, maxTokens: 100 }],
  });

  it('refuse with 429, Retry-After, the policy and the kind, and consume nothing', async () => {
    const { upstream, gateway } = await setUp(plainAnswer('abcd', null), {
      policies: [policy('one', { kind: 'qps-limit', maxQps: 1 }), window],
    });
    await (await gateway.chat(ask())).text();
    const before = await gateway.limits();
    const refused = await gateway.chat(ask());
    expect(refused.status).toBe(429);
    expect(refused.headers.get('x-gateway-policy')).toBe('one');
    expect(Number(refused.headers.get('retry-after'))).toBe(1);
    expect(Number(refused.headers.get('retry-after-ms'))).toBeLessThanOrEqual(1000);
    expect(await refused.json()).toMatchObject({ error: { code: 'rate_limit_exceeded', type: 'requests' } });
    const tokens = (statuses: typeof before) => statuses.find(({ policyId }) => policyId === 'w');
    expect(tokens(await gateway.limits())).toEqual(tokens(before));
    expect(upstream.seen).toHaveLength(1);
  });

  it('reserve the worst case and settle to what was used', async () => {
    let release = () => {};
    const { gateway } = await setUp(
      async (request, response, body) => {
        await new Promise<void>((resolve) => (release = resolve));
        await plainAnswer('abcdefgh', null)(request, response, body);
      },
      { policies: [window] },
    );
    const answer = gateway.chat(ask());
    await eventually(() => gateway.inFlight() === 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await gateway.limits())[0]).toMatchObject({ current: 51 });
    release();
    await (await answer).text();
    expect((await gateway.limits())[0]).toMatchObject({ current: 3 });
  });

  it('hold at the edge of a window: the limit passes, one more does not', async () => {
    const { gateway } = await setUp(plainAnswer('a', null), { policies: [window] });
    expect((await gateway.chat(ask({ max_tokens: 99 }))).status).toBe(200);
    const tight = policy('t', { kind: 'token-limit', windows: [{ windowSeconds: 3600, maxTokens: 100 }] });
    const { gateway: second } = await setUp(plainAnswer('a', null), { policies: [tight] });
    expect((await second.chat(ask({ max_tokens: 99 }))).status).toBe(200);
    const { gateway: third } = await setUp(plainAnswer('a', null), { policies: [tight] });
    const never = await third.chat(ask({ max_tokens: 100 }));
    expect(never.status).toBe(400);
    expect(never.headers.get('retry-after')).toBeNull();
    expect(await never.json()).toMatchObject({ error: { code: 'tokens_exceed_limit', param: 'max_tokens' } });
  });

  it('a wait beyond 30 s tells SDKs not to sleep it out', async () => {
    const { gateway } = await setUp(plainAnswer('abcd', { prompt_tokens: 60, completion_tokens: 30 }), {
      policies: [window],
    });
    await (await gateway.chat(ask())).text();
    const refused = await gateway.chat(ask());
    expect(refused.status).toBe(429);
    expect(refused.headers.get('x-should-retry')).toBe('false');
    expect(await refused.json()).toMatchObject({ error: { type: 'tokens' } });
  });

  it('an input cap refuses with 400 and names both numbers', async () => {
    const { gateway } = await setUp(plainAnswer('a'), {
      policies: [policy('in', { kind: 'token-limit', maxInputTokens: 2 })],
    });
    expect((await gateway.chat(ask({ messages: [{ role: 'user', content: 'abcdefgh' }] }))).status).toBe(200);
    const refused = await gateway.chat(ask({ messages: [{ role: 'user', content: 'abcdefghi' }] }));
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({
      error: { code: 'input_tokens_exceeded', message: expect.stringMatching(/3 tokens.*allows 2/) },
    });
  });

  it('concurrency: the slot is free as soon as the answer is there, and after the client left', async () => {
    const slow = streamAnswer(
      Array.from({ length: 100 }, () => contentEvent('a ')),
      20,
    );
    const { gateway, upstream } = await setUp(slow, {
      policies: [policy('c', { kind: 'concurrency-limit', maxConcurrent: 1 })],
    });
    const leaving = new AbortController();
    const first = await gateway.chat(ask({ stream: true }), {}, leaving.signal);
    await first.body?.getReader().read();
    expect(await (await gateway.chat(ask())).json()).toMatchObject({ error: { type: 'concurrency' } });
    leaving.abort();
    await eventually(() => upstream.open() === 0);
    upstream.play(plainAnswer('ok'));
    for (let count = 0; count < 5; count++) expect((await gateway.chat(ask())).status).toBe(200);
  });

  it('observe mode counts and lets pass', async () => {
    const { gateway } = await setUp(plainAnswer('a'), {
      policies: [policy('o', { kind: 'qps-limit', maxQps: 1 }, { mode: 'observe' })],
    });
    for (let count = 0; count < 3; count++) expect((await gateway.chat(ask())).status).toBe(200);
  });
});

describe('message-matching policies', () => {
  const vip = { source: 'body', field: 'metadata.tier', operator: 'equals', value: 'vip' };

  it.each([
    ['allow', { metadata: { tier: 'vip' } }, 200],
    ['allow', { metadata: { tier: 'free' } }, 403],
    ['allow', {}, 403],
    ['deny', { metadata: { tier: 'vip' } }, 403],
    ['deny', {}, 200],
  ])('%s %j: %i', async (action, more, status) => {
    const { gateway } = await setUp(plainAnswer('a'), {
      policies: [policy('mm', { kind: 'message-matching', action, condition: vip })],
    });
    expect((await gateway.chat(ask(more))).status).toBe(status);
  });
});

describe('virtual keys', () => {
  const key = (secret: string, more: object = {}) => ({
    id: `k-${secret}`,
    name: secret,
    prefix: secret.slice(0, 3),
    secretHash: createHmac('sha256', KEY_PEPPER).update(secret).digest('hex'),
    ...more,
  });
  const virtualKeys = [
    key('vk_good'),
    key('vk_disabled', { isEnabled: false }),
    key('vk_expired', { expiresAt: '2020-01-01T00:00:00Z' }),
    key('vk_elsewhere', { namespaceIds: ['n1'] }),
  ];

  it.each([
    [{ authorization: 'Bearer vk_good' }, 200, undefined],
    [{ authorization: 'vk_good' }, 200, undefined],
    [{ 'x-virtual-key': 'vk_good' }, 200, undefined],
    [{}, 401, 'invalid_api_key'],
    [{ authorization: 'Bearer vk_unknown' }, 401, 'invalid_api_key'],
    [{ authorization: 'Bearer vk_disabled' }, 401, 'invalid_api_key'],
    [{ authorization: 'Bearer vk_expired' }, 401, 'invalid_api_key'],
    [{ authorization: 'Bearer vk_elsewhere' }, 403, 'key_not_allowed_here'],
  ])('%j: %i', async (headers, status, code) => {
    const { gateway } = await setUp(plainAnswer('a'), { virtualKeys });
    const response = await gateway.chat(ask(), { 'x-channel-code': 'closed', ...headers } as Record<string, string>);
    expect(response.status).toBe(status);
    if (code !== undefined) expect(await response.json()).toMatchObject({ error: { code } });
  });
});

describe('the token service is away', () => {
  const capped = (counting: string) => policy('cap', { kind: 'token-limit', maxOutputTokens: 5, counting });

  it('exact policies refuse with 503', async () => {
    const { gateway } = await setUp(plainAnswer('a'), { policies: [capped('exact')] });
    gateway.tokens.isDown = true;
    const response = await gateway.chat(ask());
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ error: { code: 'token_service_unavailable' } });
  });

  it('estimating policies go on, cut by the estimate and say so', async () => {
    const { gateway } = await setUp(streamAnswer([contentEvent('a'.repeat(50)), FINISH, DONE]), {
      policies: [capped('estimate')],
    });
    gateway.tokens.isDown = true;
    const text = await (await gateway.chat(ask({ stream: true }))).text();
    expect(text).toContain(`"content":"${'a'.repeat(15)}"`);
    expect(text).toContain('"finish_reason":"length"');
    expect(gateway.records[0]?.outcome).toMatchObject({ kind: 'cut', usage: { source: 'estimated' } });
  });

  it('exact policies end a running stream with an error event, and still account for what was delivered', async () => {
    const parts = [contentEvent('abcd'), contentEvent('efgh'), FINISH, DONE];
    const { gateway } = await setUp(streamAnswer(parts, 60), { policies: [capped('exact')] });
    const response = await gateway.chat(ask({ stream: true }));
    gateway.tokens.isDown = true;
    const text = await response.text();
    expect(text).toContain('"code":"token_service_unavailable"');
    expect(text).not.toContain('[DONE]');
    expect(gateway.records[0]?.outcome).toMatchObject({ kind: 'partial', usage: { source: 'estimated' } });
  });
});

describe('upstreams', () => {
  const failing: Script = (_request, response) => {
    response.statusCode = 500;
    response.end('{}');
  };

  async function setUpTwo(first: Script, second: Script) {
    const upstreams = [await startUpstream(first), await startUpstream(second)] as const;
    const gateway = await startGateway(rulesWith(upstreams.map(({ url }) => url)));
    closers.push(upstreams[0].close, upstreams[1].close, gateway.close);
    return { upstreams, gateway };
  }

  it('a failing one is made up for by the next before the first byte', async () => {
    const { gateway } = await setUpTwo(failing, plainAnswer('ok'));
    for (let count = 0; count < 20; count++) expect((await gateway.chat(ask())).status).toBe(200);
  });

  it('a dead one too', async () => {
    const { upstreams, gateway } = await setUpTwo(plainAnswer('ok'), plainAnswer('ok'));
    await upstreams[0].close();
    for (let count = 0; count < 20; count++) expect((await gateway.chat(ask())).status).toBe(200);
  });

  it.each([
    [400, 400, 'invalid_request'],
    [404, 404, 'invalid_request'],
    [401, 502, 'upstream_error'],
    [302, 502, 'upstream_error'],
    [429, 503, 'upstream_rate_limited'],
    [500, 502, 'upstream_error'],
    [503, 502, 'upstream_error'],
    [504, 504, 'upstream_timeout'],
  ])('status %i becomes %i %s', async (status, expected, code) => {
    const { gateway } = await setUp((_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json', location: 'http://127.0.0.1:9/' });
      response.end('{"error":{"message":"provider says no"}}');
    });
    const response = await gateway.chat(ask());
    expect(response.status).toBe(expected);
    expect(await response.json()).toMatchObject({ error: { code } });
    expect(response.headers.get('location')).toBeNull();
  });

  it.each([
    ['resets before headers', (_: unknown, response: { destroy(): void }) => response.destroy(), 502],
    [
      'answers invalid JSON',
      (_: unknown, response: { setHeader(n: string, v: string): void; end(t: string): void }) => {
        response.setHeader('content-type', 'application/json');
        response.end('{"choices":');
      },
      502,
    ],
    [
      'answers HTML',
      (_: unknown, response: { setHeader(n: string, v: string): void; end(t: string): void }) => {
        response.setHeader('content-type', 'text/html');
        response.end('<html>');
      },
      502,
    ],
  ])('one that %s gives 502', async (_name, script, status) => {
    const { gateway } = await setUp(script as unknown as Script);
    expect((await gateway.chat(ask())).status).toBe(status);
  });

  it('that is silent is given up after its time', async () => {
    const upstream = await startUpstream(() => {});
    const rules = rulesWith([], {
      upstreams: [{ id: 'u', providerId: 'p1', baseUrl: upstream.url, firstByteTimeoutMs: 200 }],
    });
    const gateway = await startGateway(rules);
    closers.push(upstream.close, gateway.close);
    expect((await gateway.chat(ask())).status).toBe(504);
    await eventually(() => upstream.open() === 0);
  });

  it('that falls silent mid-stream ends in an error event', async () => {
    const upstream = await startUpstream((_request, response) => {
      response.setHeader('content-type', 'text/event-stream');
      response.write(contentEvent('abcd'));
    });
    const rules = rulesWith([], {
      upstreams: [{ id: 'u', providerId: 'p1', baseUrl: upstream.url, idleTimeoutMs: 200 }],
    });
    const gateway = await startGateway(rules);
    closers.push(upstream.close, gateway.close);
    const text = await (await gateway.chat(ask({ stream: true }))).text();
    expect(text).toContain('upstream_timeout');
    expect(gateway.records[0]?.outcome).toMatchObject({ kind: 'partial', usage: { outputTokens: 1 } });
  });

  it('that compresses although asked not to is decoded', async () => {
    const { gzipSync } = await import('node:zlib');
    const { gateway } = await setUp((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' });
      response.end(gzipSync(contentEvent('abcd') + FINISH + DONE));
    });
    const response = await gateway.chat(ask({ stream: true }));
    expect(await response.text()).toBe(contentEvent('abcd') + FINISH + DONE);
  });
});

describe('a client that leaves', () => {
  it('mid-stream: the upstream is closed within 100 ms and the tokens so far are settled', async () => {
    const parts = Array.from({ length: 200 }, () => contentEvent('abcd'));
    const { gateway, upstream } = await setUp(streamAnswer(parts, 10), {
      policies: [policy('w', { kind: 'token-limit', windows: [{ windowSeconds: 3600, maxTokens: 10_000 }] })],
    });
    // The best of three: the machine that runs this may be busy, the gateway must not be slow.
    const times: number[] = [];
    for (let tries = 0; tries < 3; tries++) {
      const leaving = new AbortController();
      const response = await gateway.chat(ask({ stream: true }), {}, leaving.signal);
      await response.body?.getReader().read();
      leaving.abort();
      const leftAt = performance.now();
      await eventually(() => upstream.open() === 0);
      times.push(performance.now() - leftAt);
    }
    expect(Math.min(...times)).toBeLessThan(100);
    await eventually(() => gateway.records.length === 3);
    for (const { outcome } of gateway.records) {
      expect(outcome).toMatchObject({ kind: 'client_left', status: 499, usage: { inputTokens: 1, source: 'counted' } });
    }
    const output = gateway.records.reduce((sum, { outcome }) => sum + outcome.usage.outputTokens, 0);
    expect((await gateway.limits())[0]?.current).toBe(3 + output);
  });

  it('before the first byte: the upstream is closed, and what it was given to read is charged', async () => {
    const { gateway, upstream } = await setUp(() => {});
    const leaving = new AbortController();
    const answer = gateway.chat(ask(), {}, leaving.signal).catch(() => undefined);
    await eventually(() => upstream.open() === 1);
    leaving.abort();
    await answer;
    await eventually(() => upstream.open() === 0);
    await eventually(() => gateway.records.length === 1);
    expect(gateway.records[0]?.outcome).toMatchObject({
      kind: 'client_left',
      usage: { inputTokens: 1, outputTokens: 0 },
    });
    expect(gateway.inFlight()).toBe(0);
  });
});

it('a client that reads slowly slows the upstream down instead of filling memory', async () => {
  let written = 0;
  const { gateway } = await setUp(async (_request, response) => {
    response.setHeader('content-type', 'text/event-stream');
    response.setMaxListeners(0);
    const event = contentEvent('x'.repeat(8_000));
    while (!response.destroyed && written < 50_000_000) {
      written += event.length;
      if (!response.write(event))
        await new Promise((resolve) => response.once('drain', resolve).once('close', resolve));
    }
    response.end();
  });
  const leaving = new AbortController();
  await gateway.chat(ask({ stream: true }), {}, leaving.signal);
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(written).toBeLessThan(20_000_000);
  leaving.abort();
});

// undici may deliver data, and be paused again, inside resume(): an answer of many megabytes once stopped for ever.
it('a large answer arrives whole, also through a slow reader', async () => {
  const events = Array.from({ length: 40_000 }, (_, at) => contentEvent(`word${at} `));
  const { gateway } = await setUp(streamAnswer([events.join(''), FINISH, DONE]));
  const response = await gateway.chat(ask({ stream: true }));
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(bytes).toBe(Buffer.byteLength(events.join('') + FINISH + DONE));
});

describe('files, audio and images', () => {
  it('pass through http-proxy untouched, with our key and without the headers of the client', async () => {
    const { gateway, upstream } = await setUp(
      (_request, response, body) => {
        response.writeHead(201, { 'content-type': 'text/plain', 'set-cookie': 'a=b' });
        response.end(`got ${body.length}`);
      },
      { providers: [{ id: 'p1', name: 'acme', models: ['m'], apiKeyEnv: 'ACME_API_KEY' }] },
      { ACME_API_KEY: 'sk-ours' },
    );
    const response = await fetch(`${gateway.url}/v1/files?purpose=x`, {
      method: 'POST',
      headers: {
        'x-channel-code': 'test-channel',
        authorization: 'Bearer theirs',
        cookie: 'c=d',
        'content-type': 'application/octet-stream',
      },
      body: 'x'.repeat(1000),
    });
    expect(response.status).toBe(201);
    expect(await response.text()).toBe('got 1000');
    expect(response.headers.get('set-cookie')).toBeNull();
    expect(upstream.seen[0]).toMatchObject({
      path: '/v1/files?purpose=x',
      headers: { authorization: 'Bearer sk-ours' },
    });
    expect(Object.keys(upstream.seen[0]?.headers ?? {})).not.toContain('cookie');
  });

  it('close the upstream when the client leaves (http-proxy 1.18.1 alone does not)', async () => {
    const { gateway, upstream } = await setUp(async (_request, response) => {
      response.setHeader('content-type', 'audio/mpeg');
      while (!response.destroyed) {
        response.write(Buffer.alloc(100));
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    });
    const leavings = Array.from({ length: 20 }, () => new AbortController());
    const answers = leavings.map(({ signal }) =>
      fetch(`${gateway.url}/v1/audio/speech`, {
        method: 'POST',
        headers: { 'x-channel-code': 'test-channel' },
        body: '{}',
        signal,
      }),
    );
    await Promise.all(answers);
    expect(upstream.open()).toBe(20);
    for (const leaving of leavings) leaving.abort();
    const leftAt = performance.now();
    await eventually(() => upstream.open() === 0);
    expect(performance.now() - leftAt).toBeLessThan(500);
    await eventually(() => gateway.inFlight() === 0);
  });

  it('obey limits, refuse redirects, and answer errors in our shape', async () => {
    const { gateway, upstream } = await setUp(
      (_request, response) => {
        response.writeHead(302, { location: 'http://127.0.0.1:9/' });
        response.end();
      },
      { policies: [policy('q', { kind: 'qps-limit', maxQps: 0.01 })] },
    );
    const get = () =>
      fetch(`${gateway.url}/v1/files`, { headers: { 'x-channel-code': 'test-channel' }, redirect: 'manual' });
    const redirected = await get();
    expect(redirected.status).toBe(502);
    expect(await redirected.json()).toMatchObject({ error: { code: 'upstream_error' } });
    expect((await get()).status).toBe(429);
    await upstream.close();
  });

  it('other paths of the provider are not reachable, so that nothing that makes tokens escapes the meter', async () => {
    const { gateway } = await setUp(plainAnswer('a'));
    for (const path of ['/v1/responses/resp_1', '/v1/messages/batches', '/v1/filesystem']) {
      expect(
        (await fetch(gateway.url + path, { method: 'POST', headers: { 'x-channel-code': 'test-channel' } })).status,
      ).toBe(404);
    }
  });
});

describe('/v1/models', () => {
  it('lists the models by name', async () => {
    const { gateway } = await setUp(plainAnswer('a'));
    const headers = { 'x-channel-code': 'test-channel' };
    expect(await (await fetch(`${gateway.url}/v1/models`, { headers })).json()).toMatchObject({
      object: 'list',
      data: [{ id: 'm', object: 'model', owned_by: 'acme' }],
    });
    expect(await (await fetch(`${gateway.url}/v1/models/m`, { headers })).json()).toMatchObject({ id: 'm' });
    expect((await fetch(`${gateway.url}/v1/models/none`, { headers })).status).toBe(404);
    expect((await fetch(`${gateway.url}/v1/models`)).status).toBe(404);
  });
});
