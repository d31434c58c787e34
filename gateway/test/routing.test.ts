import { afterEach, describe, expect, it } from 'vitest';
import {
  ask,
  contentEvent,
  DONE,
  eventually,
  FINISH,
  plainAnswer,
  policy,
  rulesWith,
  type Script,
  startGateway,
  startUpstream,
  streamAnswer,
} from './support/test-gateway.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each.close();
});

/** Upstreams that play these scripts, and a gateway before them; `rules` may change what the rules say. */
async function setUp(
  scripts: readonly Script[],
  rules: (urls: readonly string[]) => Record<string, unknown> = () => ({}),
) {
  const upstreams = await Promise.all(scripts.map(startUpstream));
  const urls = upstreams.map(({ url }) => url);
  const gateway = await startGateway(rulesWith(urls, rules(urls)));
  open.push(...upstreams, gateway);
  return { upstreams, gateway };
}

/** Provider `p1` with these settings, at all upstreams. */
const providerWith =
  (provider: object, upstream: object = {}) =>
  (urls: readonly string[]) => ({
    providers: [{ id: 'p1', name: 'acme', models: ['m'], ...provider }],
    upstreams: urls.map((baseUrl, index) => ({ id: `u${index}`, providerId: 'p1', baseUrl, ...upstream })),
  });

/** One upstream for each provider `p0`, `p1`...; the first serves the model, the rest stand in for it. */
const fallbacksWith =
  (targets: readonly object[], more: Record<string, unknown> = {}) =>
  (urls: readonly string[]) => ({
    providers: urls.map((_, index) => ({
      id: `p${index}`,
      name: `p${index}`,
      models: [index === 0 ? 'm' : `m${index}`],
    })),
    upstreams: urls.map((baseUrl, index) => ({ id: `u${index}`, providerId: `p${index}`, baseUrl })),
    fallbacks: [{ id: 'f', model: 'm', targets }],
    ...more,
  });

const fails =
  (status: number, headers: Record<string, string> = {}): Script =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end('{"error":{"message":"no"}}');
  };

const textOf = async (response: Response) => {
  const body = (await response.json()) as { choices: [{ message: { content: string } }] };
  return body.choices[0].message.content;
};

/** Fails so often, then answers. */
function failsFirst(times: number, failure: Script): Script {
  let left = times;
  return (...call) => (left-- > 0 ? failure(...call) : plainAnswer('ok')(...call));
}

describe('retries', () => {
  it.each([
    ['breaks off', (_: unknown, response: { destroy(): void }) => response.destroy()],
    ['is limited', fails(429)],
    ['answers 500', fails(500)],
    ['answers 503 with a short Retry-After', fails(503, { 'retry-after-ms': '20' })],
  ])('an only upstream that %s is asked again', async (_name, failure) => {
    const { gateway, upstreams } = await setUp([failsFirst(2, failure as Script)]);
    expect((await gateway.chat(ask())).status).toBe(200);
    expect(upstreams[0]?.seen.length).toBe(3);
    expect(gateway.records[0]?.attempts).toBe(3);
  });

  it('one that wants to be left alone for longer than a request waits is not asked again', async () => {
    const { gateway, upstreams } = await setUp([fails(429, { 'retry-after': '7' })]);
    const response = await gateway.chat(ask());
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '7']);
    expect(upstreams[0]?.seen.length).toBe(1);
  });

  it.each([400, 404, 422])('a request that is refused with %i is not tried again', async (status) => {
    const { gateway, upstreams } = await setUp(
      [fails(status), plainAnswer('ok')],
      providerWith({ strategy: 'first_available' }),
    );
    expect((await gateway.chat(ask())).status).toBe(status);
    expect([upstreams[0]?.seen.length, upstreams[1]?.seen.length]).toEqual([1, 0]);
  });

  it('nothing is tried again after the first byte', async () => {
    const broken: Script = (_request, response) => {
      response.setHeader('content-type', 'text/event-stream');
      response.write(contentEvent('one'), () => setTimeout(() => response.destroy(), 20));
    };
    const { gateway, upstreams } = await setUp([broken, broken]);
    expect(await (await gateway.chat(ask({ stream: true }))).text()).toContain('"error"');
    expect(upstreams.reduce((sum, { seen }) => sum + seen.length, 0)).toBe(1);
  });

  it('a storm of failures is answered by no storm of retries', async () => {
    const routing = { retry: { budgetPerSecond: 0, budgetRatio: 0.1 } };
    const { gateway, upstreams } = await setUp([fails(500)], providerWith({ routing }));
    for (let request = 0; request < 40; request++) await gateway.chat(ask());
    const attempts = upstreams[0]?.seen.length ?? 0;
    expect(attempts).toBeGreaterThanOrEqual(43);
    expect(attempts).toBeLessThanOrEqual(44);
  });
});

describe('what an upstream may be asked', () => {
  it('one that says it has no quota left is passed over until its reset', async () => {
    const limited: Script = (...call) => {
      call[1].setHeader('x-ratelimit-remaining-requests', '0');
      call[1].setHeader('x-ratelimit-reset-requests', '200ms');
      return plainAnswer('limited')(...call);
    };
    const rules = providerWith({ strategy: 'first_available' });
    const { gateway, upstreams } = await setUp([limited, plainAnswer('other')], rules);
    const texts: string[] = [];
    for (let request = 0; request < 3; request++) texts.push(await textOf(await gateway.chat(ask())));
    expect(texts).toEqual(['limited', 'other', 'other']);
    await new Promise((resolve) => setTimeout(resolve, 220));
    expect(await textOf(await gateway.chat(ask()))).toBe('limited');
    expect(upstreams[0]?.seen.length).toBe(2);
  });

  it('a full one is passed over, and when all are full the caller is told when to come back', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow: Script = async (...call) => {
      await held;
      return plainAnswer('slow')(...call);
    };
    const rules = providerWith({ strategy: 'first_available' }, { maxConcurrent: 1 });
    const { gateway, upstreams } = await setUp([slow, slow], rules);
    const running = [gateway.chat(ask()), gateway.chat(ask())];
    await eventually(() => upstreams.every(({ seen }) => seen.length === 1));
    const refused = await gateway.chat(ask());
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    release();
    expect((await Promise.all(running)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await gateway.chat(ask())).status).toBe(200);
  });
});

describe('fallbacks', () => {
  it('go through the chain in order and tell who answered', async () => {
    const targets = [{ providerId: 'p1' }, { model: 'm2' }];
    const { gateway, upstreams } = await setUp([fails(500), fails(401), plainAnswer('third')], fallbacksWith(targets));
    expect(await textOf(await gateway.chat(ask()))).toBe('third');
    expect(upstreams.map(({ seen }) => seen.map(({ body }) => (JSON.parse(body) as { model: string }).model))).toEqual([
      ['m', 'm', 'm'],
      ['m'],
      ['m2'],
    ]);
    expect(gateway.records[0]).toMatchObject({
      provider: 'p2',
      upstreamId: 'u2',
      resolvedModel: 'm2',
      requestedModel: 'm',
    });
  });

  it('are not asked for what is wrong with the request', async () => {
    const { gateway, upstreams } = await setUp([fails(400), plainAnswer('x')], fallbacksWith([{ providerId: 'p1' }]));
    expect((await gateway.chat(ask())).status).toBe(400);
    expect(upstreams[1]?.seen.length).toBe(0);
  });

  it('of the namespace go before those of all', async () => {
    const all = { id: 'all', model: 'm', targets: [{ providerId: 'p1' }] };
    const own = { id: 'own', namespaceId: 'n1', model: '*', targets: [{ providerId: 'p2' }] };
    const rules = fallbacksWith([], { fallbacks: [all, own] });
    const { gateway } = await setUp([fails(500), plainAnswer('all'), plainAnswer('own')], rules);
    expect(await textOf(await gateway.chat(ask()))).toBe('own');
  });

  const PRICES = [
    { id: 'c0', providerId: 'p0', model: 'm', inputPerMillion: '1', outputPerMillion: '1' },
    { id: 'c1', providerId: 'p1', model: '*', inputPerMillion: '10', outputPerMillion: '10' },
  ];
  const budget = (maxAmount: string) =>
    policy('budget', { kind: 'budget-limit', windows: [{ windowSeconds: 3600, maxAmount }] });

  it('hold the price of the dearest of the chain, and settle that of who answers', async () => {
    const usage = { prompt_tokens: 500, completion_tokens: 500, total_tokens: 1000 };
    const script: Script = failsFirst(3, fails(500));
    const rules = fallbacksWith([{ providerId: 'p1' }], { prices: PRICES, policies: [budget('0.02')] });
    const { gateway, upstreams } = await setUp([script, plainAnswer('dear', usage)], rules);
    expect(await textOf(await gateway.chat(ask({ max_tokens: 1000 })))).toBe('dear');
    expect((await gateway.limits())[0]?.current).toBe(10_000);
    upstreams[0]?.play(plainAnswer('cheap', usage));
    expect((await gateway.chat(ask({ max_tokens: 900 }))).status).toBe(200);
    expect((await gateway.limits())[0]?.current).toBe(11_000);
    // The cheap provider alone would fit, the dear one would not.
    expect((await gateway.chat(ask({ max_tokens: 1000 }))).status).toBe(429);
  });

  it('without a price are left out where a budget counts', async () => {
    const rules = fallbacksWith([{ providerId: 'p1' }], { prices: PRICES.slice(0, 1), policies: [budget('1')] });
    const { gateway, upstreams } = await setUp([fails(500), plainAnswer('unpriced')], rules);
    expect((await gateway.chat(ask())).status).toBe(502);
    expect(upstreams[1]?.seen.length).toBe(0);
  });

  it('take the limits of their own provider, and give them back when another answers', async () => {
    const limit = policy('own', { kind: 'concurrency-limit', maxConcurrent: 1 }, { scope: { providerId: 'p1' } });
    const request = policy(
      'rate',
      { kind: 'request-limit', windows: [{ windowSeconds: 60, maxRequests: 1 }] },
      { scope: { providerId: 'p1' } },
    );
    const rules = fallbacksWith([{ providerId: 'p1' }, { providerId: 'p2' }], { policies: [limit, request] });
    const { gateway, upstreams } = await setUp([fails(500), plainAnswer('second'), plainAnswer('third')], rules);
    expect(await textOf(await gateway.chat(ask()))).toBe('second');
    expect(await textOf(await gateway.chat(ask()))).toBe('third');
    expect(upstreams[1]?.seen.length).toBe(1);
    expect((await gateway.limits()).find(({ kind }) => kind === 'concurrency')?.current).toBe(0);
  });
});

describe('hedging', () => {
  const rules = providerWith({ strategy: 'first_available', routing: { hedge: { afterMs: 30 } } });

  it('asks a second upstream when the first is slow, takes the first answer and closes the other', async () => {
    const never: Script = () => new Promise<void>(() => {});
    const { gateway, upstreams } = await setUp([never, plainAnswer('fast')], rules);
    expect(await textOf(await gateway.chat(ask()))).toBe('fast');
    expect(gateway.records[0]).toMatchObject({ attempts: 2, upstreamId: 'u1' });
    await eventually(() => upstreams[0]?.open() === 0);
  });

  it('asks nobody else when the first is fast', async () => {
    const { gateway, upstreams } = await setUp([plainAnswer('fast'), plainAnswer('other')], rules);
    for (let request = 0; request < 5; request++) expect(await textOf(await gateway.chat(ask()))).toBe('fast');
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(upstreams[1]?.seen.length).toBe(0);
  });

  it('streams the winner whole', async () => {
    const slow: Script = async (...call) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      return streamAnswer([contentEvent('slow'), FINISH, DONE])(...call);
    };
    const { gateway } = await setUp([slow, streamAnswer([contentEvent('fast'), FINISH, DONE], 5)], rules);
    const text = await (await gateway.chat(ask({ stream: true }))).text();
    expect(text).toContain('fast');
    expect(text).not.toContain('slow');
    expect(text.trimEnd().endsWith('data: [DONE]')).toBe(true);
  });
});

it('an upstream that is gone is set aside, and one request at a time looks whether it is back', async () => {
  const routing = { ejection: { failures: 2, asideMs: 150, slowStartMs: 0 }, retry: { budgetPerSecond: 100 } };
  const rules = providerWith({ strategy: 'round_robin', routing });
  const { gateway, upstreams } = await setUp([fails(500), plainAnswer('ok')], rules);
  for (let request = 0; request < 10; request++) expect((await gateway.chat(ask())).status).toBe(200);
  expect(upstreams[0]?.seen.length).toBe(2);
  const health = await (await fetch(`${gateway.url}/health`)).json();
  expect(health).toMatchObject({ status: 'degraded', services: { upstreams: '1/2 healthy' } });
  upstreams[0]?.play(plainAnswer('ok'));
  await new Promise((resolve) => setTimeout(resolve, 160));
  for (let request = 0; request < 4; request++) await gateway.chat(ask());
  expect(upstreams[0]?.seen.length).toBeGreaterThan(3);
});

it('checks beside the traffic set an upstream aside before a request meets it, and bring it back', async () => {
  const healthCheck = { path: '/healthz', intervalMs: 100, timeoutMs: 200, healthyAfter: 1, unhealthyAfter: 2 };
  const rules = providerWith(
    { strategy: 'first_available', routing: { ejection: { slowStartMs: 0 } } },
    { healthCheck },
  );
  const { gateway, upstreams } = await setUp([fails(503), plainAnswer('ok')], rules);
  const healthOf = async () => ((await (await fetch(`${gateway.url}/health`)).json()) as { status: string }).status;
  while ((await healthOf()) !== 'degraded') await new Promise((resolve) => setTimeout(resolve, 20));
  for (let request = 0; request < 5; request++) expect(await textOf(await gateway.chat(ask()))).toBe('ok');
  expect(upstreams[0]?.seen.filter(({ path }) => path !== '/healthz')).toEqual([]);
  upstreams[0]?.play(plainAnswer('back'));
  while ((await healthOf()) !== 'ok') await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await textOf(await gateway.chat(ask()))).toBe('back');
});

describe('provider keys', () => {
  const KEYED = (urls: readonly string[]) => ({
    providers: [{ id: 'p1', name: 'acme', models: ['m'], apiKeyEnv: 'SECOND_API_KEY' }],
    upstreams: urls.map((baseUrl, index) => ({ id: `u${index}`, providerId: 'p1', baseUrl })),
    providerKeys: [
      {
        id: 'first',
        providerId: 'p1',
        name: 'first',
        priority: 1,
        lastFour: '',
        sealed: { masterKeyId: 'k', dataKey: 'A'.repeat(80), ciphertext: 'QQ==' },
      },
    ],
  });

  it.each([401, 402, 429])(
    'one that is refused with %i is left alone, and the next request takes another at once',
    async (status) => {
      const refusesFirst: Script = (request, response, body) => {
        if (request.headers.authorization !== 'Bearer sk-second')
          return fails(status, { 'retry-after': '9' })(request, response, body);
        return plainAnswer('ok')(request, response, body);
      };
      const upstream = await startUpstream(refusesFirst);
      const gateway = await startGateway(rulesWith([upstream.url], KEYED([upstream.url])), {
        first: 'sk-first',
        SECOND_API_KEY: 'sk-second',
      });
      open.push(upstream, gateway);
      for (let request = 0; request < 3; request++) expect((await gateway.chat(ask())).status).toBe(200);
      expect(upstream.seen.map(({ headers }) => headers.authorization)).toEqual([
        'Bearer sk-first',
        'Bearer sk-second',
        'Bearer sk-second',
        'Bearer sk-second',
      ]);
      expect(gateway.records.map(({ providerKeyId }) => providerKeyId)).toEqual(Array(3).fill('env:SECOND_API_KEY'));
    },
  );
});
