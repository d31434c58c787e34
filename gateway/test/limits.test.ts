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

/** A gateway before one scripted upstream for each named provider; they are called u0, u1, … */
async function setUp(script: Script, rules: Record<string, unknown> = {}, providerIds: readonly string[] = ['p1']) {
  const upstreams = await Promise.all(providerIds.map(() => startUpstream(script)));
  const rows = upstreams.map(({ url }, index) => ({ id: `u${index}`, providerId: providerIds[index], baseUrl: url }));
  const gateway = await startGateway(rulesWith([], { upstreams: rows, ...rules }));
  closers.push(...upstreams.map(({ close }) => close), gateway.close);
  return { upstreams, gateway };
}

const key = (id: string, more: object = {}) => ({
  id,
  name: id,
  prefix: 'vk_',
  secretHash: createHmac('sha256', KEY_PEPPER).update(`secret-${id}`).digest('hex'),
  ...more,
});
const as = (id: string) => ({ authorization: `Bearer secret-${id}` });
const oneAtATime = { kind: 'request-limit', windows: [{ windowSeconds: 60, maxRequests: 1 }] };

async function statusOf(answer: Promise<Response>): Promise<number> {
  const response = await answer;
  await response.text();
  return response.status;
}

describe('what a policy concerns', () => {
  it.each([
    { scope: { virtualKeyId: 'a' }, within: ask(), other: { body: ask(), as: 'b' } },
    { scope: { tenantId: 't1' }, within: ask(), other: { body: ask(), as: 'c' } },
    { scope: { customerTypeId: 'gold' }, within: ask(), other: { body: ask(), as: 'c' } },
    { scope: { model: 'gpt-*' }, within: ask({ model: 'gpt-4' }), other: { body: ask(), as: 'a' } },
    { scope: { providerId: 'p2' }, within: ask({ model: 'gpt-4' }), other: { body: ask(), as: 'a' } },
    { scope: { upstreamId: 'u1' }, within: ask({ model: 'gpt-4' }), other: { body: ask(), as: 'a' } },
  ])('$scope, and no other', async ({ scope, within, other }) => {
    const { gateway } = await setUp(
      plainAnswer('ok'),
      {
        customerTypes: [{ id: 'gold', name: 'Gold' }],
        tenants: [{ id: 't1', name: 'T1', customerTypeId: 'gold' }],
        virtualKeys: [
          key('a', { tenantId: 't1' }),
          key('b', { tenantId: 't1' }),
          key('c', { customerTypeId: 'silver' }),
        ],
        providers: [
          { id: 'p1', name: 'acme', models: ['m'] },
          { id: 'p2', name: 'other', models: ['gpt-4'] },
        ],
        policies: [policy('one', oneAtATime, { scope })],
      },
      ['p1', 'p2'],
    );
    expect(await statusOf(gateway.chat(within, as('a')))).toBe(200);
    expect(await statusOf(gateway.chat(within, as('a')))).toBe(429);
    expect(await statusOf(gateway.chat(other.body, as(other.as)))).toBe(200);
    expect(await statusOf(gateway.chat(other.body, as(other.as)))).toBe(200);
  });

  it('every namespace, when it names none', async () => {
    const { gateway } = await setUp(plainAnswer('ok'), {
      policies: [{ id: 'all', name: 'all', rule: oneAtATime }],
      virtualKeys: [key('a')],
    });
    expect(await statusOf(gateway.chat(ask()))).toBe(200);
    expect(await statusOf(gateway.chat(ask(), { 'x-channel-code': 'closed', ...as('a') }))).toBe(429);
  });

  it('is counted per key where it says so', async () => {
    const { gateway } = await setUp(plainAnswer('ok'), {
      virtualKeys: [key('a'), key('b')],
      policies: [policy('each', oneAtATime, { countPer: ['virtualKey'] })],
    });
    expect(await statusOf(gateway.chat(ask(), as('a')))).toBe(200);
    expect(await statusOf(gateway.chat(ask(), as('b')))).toBe(200);
    expect(await statusOf(gateway.chat(ask(), as('a')))).toBe(429);
    const counters = await gateway.limits();
    expect(counters.filter(({ policyId, current }) => policyId === 'each' && current === 1)).toHaveLength(2);
  });

  it('a message policy with a scope judges only what it concerns', async () => {
    const condition = { source: 'header', field: 'x-block', operator: 'equals', value: 'yes' };
    const { gateway } = await setUp(plainAnswer('ok'), {
      virtualKeys: [key('a'), key('b')],
      policies: [
        policy('no', { kind: 'message-matching', action: 'deny', condition }, { scope: { virtualKeyId: 'a' } }),
      ],
    });
    expect(await statusOf(gateway.chat(ask(), { 'x-block': 'yes', ...as('a') }))).toBe(403);
    expect(await statusOf(gateway.chat(ask(), { 'x-block': 'yes', ...as('b') }))).toBe(200);
  });
});

describe('layered limits', () => {
  // Defect of the sources: the limits of tenants were never reached, and a tenant's counter was split per model.
  it('reach the tenant of a key, with one counter for all its models', async () => {
    const { gateway } = await setUp(plainAnswer('ok', { prompt_tokens: 2, completion_tokens: 3, total_tokens: 5 }), {
      tenants: [{ id: 't1', name: 'T1' }],
      virtualKeys: [key('a', { tenantId: 't1' }), key('b', { tenantId: 't1' }), key('c')],
      layeredLimits: [
        { id: 'g', targetType: 'global', limit: { control: 'rpm', maxRequests: 100 } },
        { id: 't', targetType: 'tenant', targetId: 't1', limit: { control: 'rpm', maxRequests: 2 } },
      ],
    });
    expect(await statusOf(gateway.chat(ask(), as('a')))).toBe(200);
    expect(await statusOf(gateway.chat(ask({ model: 'gpt-x' }), as('b')))).toBe(200);
    const refused = await gateway.chat(ask(), as('a'));
    expect(refused.status).toBe(429);
    expect(refused.headers.get('x-gateway-policy')).toBe('t');
    expect(await statusOf(gateway.chat(ask(), as('c')))).toBe(200);
  });

  // Defect of the sources: a request denied by rpm had consumed tpm, and the first oversized request passed.
  it('take requests and tokens together or not at all', async () => {
    const { gateway } = await setUp(plainAnswer('ok', null), {
      layeredLimits: [
        { id: 'r', targetType: 'global', limit: { control: 'rpm', maxRequests: 1 } },
        { id: 't', targetType: 'global', limit: { control: 'tpm', maxTokens: 100 } },
      ],
    });
    const oversized = await gateway.chat(ask({ max_tokens: 101 }));
    expect(oversized.status).toBe(400);
    expect(await oversized.json()).toMatchObject({ error: { code: 'tokens_exceed_limit' } });
    expect(await statusOf(gateway.chat(ask({ max_tokens: 10 })))).toBe(200);
    const before = await gateway.limits();
    expect(await statusOf(gateway.chat(ask({ max_tokens: 10 })))).toBe(429);
    expect(await gateway.limits()).toEqual(before);
  });
});

describe('money', () => {
  const prices = [{ id: 'x', providerId: 'p1', model: 'm', inputPerMillion: '1000', outputPerMillion: '1000' }];
  const budget = policy('b', { kind: 'budget-limit', windows: [{ windowSeconds: 3600, maxAmount: '0.01' }] });

  it('is counted at the price of the model, and refused beyond the budget', async () => {
    // A thousand per million is 0.001 a token; the toy vocabulary counts "hi" as one.
    const usage = { prompt_tokens: 1, completion_tokens: 4, total_tokens: 5 };
    const { gateway } = await setUp(plainAnswer('ok', usage), { prices, policies: [budget] });
    expect(await statusOf(gateway.chat(ask({ max_tokens: 9 })))).toBe(200);
    expect((await gateway.limits())[0]).toMatchObject({ counts: 'cost', current: 5_000 });
    const refused = await gateway.chat(ask({ max_tokens: 5 }));
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({ error: { type: 'insufficient_quota' } });
    expect(await statusOf(gateway.chat(ask({ max_tokens: 4 })))).toBe(200);
  });

  it('is refused for a model without a price', async () => {
    const { gateway } = await setUp(plainAnswer('ok'), { policies: [budget] });
    const refused = await gateway.chat(ask());
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ error: { code: 'price_not_set' } });
  });
});

describe('an answer tells what is left', () => {
  it('as OpenAI clients read it and in the fields of the IETF, from the counters that decide', async () => {
    const { gateway } = await setUp(plainAnswer('ok', null), {
      policies: [
        policy('rpm', { kind: 'request-limit', windows: [{ windowSeconds: 60, maxRequests: 3 }] }),
        policy('slots', { kind: 'concurrency-limit', maxConcurrent: 7 }),
        policy('tpm', { kind: 'token-limit', windows: [{ windowSeconds: 60, maxTokens: 1_000 }] }),
        policy(
          'quiet',
          { kind: 'request-limit', windows: [{ windowSeconds: 60, maxRequests: 2 }] },
          { mode: 'observe' },
        ),
      ],
    });
    const answer = await gateway.chat(ask({ max_tokens: 10 }));
    await answer.text();
    const header = (name: string) => answer.headers.get(name);
    expect(header('x-ratelimit-limit-requests')).toBe('3');
    expect(header('x-ratelimit-remaining-requests')).toBe('2');
    expect(header('x-ratelimit-reset-requests')).toMatch(/^1m\d+(\.\d+)?s$/);
    expect(header('x-ratelimit-limit-tokens')).toBe('1000');
    expect(header('x-ratelimit-remaining-tokens')).toBe('989');
    expect(header('ratelimit-policy')).toBe(
      '"rpm.requests.60";q=3;w=60, "slots";q=7;qu="concurrent-requests", "tpm.total.60";q=1000;qu="tokens";w=60',
    );
    expect(header('ratelimit')).toMatch(/^"rpm\.requests\.60";r=2;t=6\d, "slots";r=6, "tpm\.total\.60";r=989;t=6\d$/);
    await (await gateway.chat(ask())).text();
    await (await gateway.chat(ask())).text();
    const refused = await gateway.chat(ask());
    expect(refused.status).toBe(429);
    expect(refused.headers.get('x-ratelimit-remaining-requests')).toBe('0');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(55);
    expect(refused.headers.get('x-should-retry')).toBe('false');
  });

  it('a policy that observes is noted, not told', async () => {
    const { gateway } = await setUp(plainAnswer('ok'), {
      policies: [policy('quiet', oneAtATime, { mode: 'observe' })],
    });
    await statusOf(gateway.chat(ask()));
    const second = await gateway.chat(ask());
    await second.text();
    expect(second.status).toBe(200);
    expect(second.headers.has('ratelimit')).toBe(false);
    expect(gateway.records[1]?.observedPolicyIds).toEqual(['quiet']);
  });
});

describe('an answer of unknown length', () => {
  const window = (maxTokens: number) =>
    policy('w', { kind: 'token-limit', windows: [{ windowSeconds: 3600, maxTokens }] });
  const long = Array.from({ length: 60 }, () => contentEvent('abcd efgh ijkl mnop qrst '));
  const textIn = (body: string) =>
    [...body.matchAll(/^data: (\{.*\})$/gm)]
      .map(([, data]) => JSON.parse(data ?? '{}').choices?.[0]?.delta?.content ?? '')
      .join('');

  it('streams on while the window has room, and is cut at its last token', async () => {
    const { gateway } = await setUp(streamAnswer([...long, FINISH, DONE]), { policies: [window(100)] });
    const body = await (await gateway.chat(ask({ stream: true }))).text();
    expect(body).toContain('"finish_reason":"length"');
    expect(body.endsWith('data: [DONE]\n\n')).toBe(true);
    expect((await gateway.limits())[0]?.current).toBe(100);
    expect(gateway.records[0]?.outcome).toMatchObject({ kind: 'cut', usage: { inputTokens: 1, outputTokens: 99 } });
    expect(textIn(body).length).toBeGreaterThan(0);
  });

  it('takes from the window only what it had, so that the next is cut where the window ends', async () => {
    const { gateway } = await setUp(streamAnswer([...long.slice(0, 2), FINISH, DONE]), { policies: [window(100)] });
    const first = await (await gateway.chat(ask({ stream: true }))).text();
    expect(first).toContain('"finish_reason":"stop"');
    const { current = 0 } = (await gateway.limits())[0] ?? {};
    const second = await (await gateway.chat(ask({ stream: true }))).text();
    expect(second).toContain('"finish_reason":"stop"');
    expect((await gateway.limits())[0]?.current).toBe(2 * current);
  });

  it('is cut likewise when it comes in one piece', async () => {
    const { gateway } = await setUp(plainAnswer('abcd '.repeat(200), null), { policies: [window(50)] });
    const answer = (await (await gateway.chat(ask())).json()) as { choices: { finish_reason: string }[] };
    expect(answer.choices[0]?.finish_reason).toBe('length');
    expect((await gateway.limits())[0]?.current).toBe(50);
  });

  it('shares a window with others that run: together they never get more', async () => {
    const { gateway } = await setUp(streamAnswer([...long, FINISH, DONE], 1), { policies: [window(300)] });
    const bodies = await Promise.all(
      Array.from({ length: 4 }, async () => (await gateway.chat(ask({ stream: true }))).text()),
    );
    expect(bodies.some((body) => body.includes('"finish_reason":"length"') || body.includes('rate_limit'))).toBe(true);
    expect((await gateway.limits())[0]?.current).toBeLessThanOrEqual(300);
    const settled = gateway.records.reduce(
      (sum, { outcome }) => sum + outcome.usage.inputTokens + outcome.usage.outputTokens,
      0,
    );
    expect(settled).toBeLessThanOrEqual(300);
  });
});

it('shares one counter among made-up models that only a prefix lists', async () => {
  const { gateway } = await setUp(plainAnswer('ok'), {
    policies: [policy('each', oneAtATime, { countPer: ['model'] })],
  });
  expect(await statusOf(gateway.chat(ask({ model: 'gpt-0' })))).toBe(200);
  for (const model of ['gpt-1', 'gpt-2']) expect(await statusOf(gateway.chat(ask({ model })))).toBe(429);
  expect(await statusOf(gateway.chat(ask()))).toBe(200);
});

it('frees the slot of a passed-through request whose client leaves before the provider answers', async () => {
  const { upstreams, gateway } = await setUp(() => {}, {
    policies: [policy('c', { kind: 'concurrency-limit', maxConcurrent: 1 })],
  });
  const leaving = new AbortController();
  const headers = { 'x-channel-code': 'test-channel' };
  fetch(`${gateway.url}/v1/files`, { headers, signal: leaving.signal }).catch(() => {});
  await eventually(() => upstreams[0]?.seen.length === 1);
  expect((await gateway.limits())[0]?.current).toBe(1);
  leaving.abort();
  await eventually(() => gateway.records.length === 1);
  expect(gateway.records[0]?.outcome.kind).toBe('client_left');
  expect((await gateway.limits())[0]?.current).toBe(0);
});

describe('an upstream with limits of its own', () => {
  const perUpstream = policy('u', oneAtATime, { countPer: ['upstream'] });

  it('is passed over while there is another, and the client is refused when all are full', async () => {
    const { upstreams, gateway } = await setUp(plainAnswer('ok'), { policies: [perUpstream] }, ['p1', 'p1']);
    expect(await statusOf(gateway.chat(ask()))).toBe(200);
    expect(await statusOf(gateway.chat(ask()))).toBe(200);
    expect(upstreams.map(({ seen }) => seen.length)).toEqual([1, 1]);
    expect(await statusOf(gateway.chat(ask()))).toBe(429);
  });

  it('bounds an answer of unknown length, and its input is counted', async () => {
    const tokens = { kind: 'token-limit', windows: [{ windowSeconds: 60, maxTokens: 100 }] };
    const parts = Array.from({ length: 60 }, () => contentEvent('abcd efgh ijkl mnop qrst '));
    const { gateway } = await setUp(streamAnswer([...parts, FINISH, DONE]), {
      policies: [policy('u', tokens, { scope: { upstreamId: 'u0' } })],
    });
    const body = await (await gateway.chat(ask({ stream: true }))).text();
    expect(body).toContain('"finish_reason":"length"');
    expect((await gateway.limits())[0]?.current).toBe(100);
  });

  it('gets its tokens back when another had to answer', async () => {
    const tokens = { kind: 'token-limit', windows: [{ windowSeconds: 60, maxTokens: 1_000 }] };
    const { upstreams, gateway } = await setUp(
      plainAnswer('ok'),
      { policies: [policy('u', tokens, { countPer: ['upstream'] })] },
      ['p1', 'p1'],
    );
    for (const { play } of upstreams) {
      play(async (request, response, body) => {
        const isFirst = upstreams.reduce((sum, { seen }) => sum + seen.length, 0) === 1;
        if (isFirst) response.writeHead(500).end();
        else await plainAnswer('ok')(request, response, body);
      });
    }
    expect(await statusOf(gateway.chat(ask({ max_tokens: 10 })))).toBe(200);
    expect((await gateway.limits()).map(({ current }) => current).sort()).toEqual([0, 7]);
  });
});

describe('waiting', () => {
  const patient = (more: object = {}) => [
    { id: 'n1', code: 'test-channel', name: 'Test', authMode: 'open', maxWaitMs: 3_000, maxWaiting: 2, ...more },
  ];
  const matchers = [
    {
      id: 'm',
      namespaceId: 'n1',
      source: 'header',
      field: 'x-channel-code',
      operator: 'equals',
      value: 'test-channel',
    },
  ];
  const slot = policy('c', { kind: 'concurrency-limit', maxConcurrent: 1 });

  it('lets a burst through one by one instead of refusing it, up to the length of the line', async () => {
    const releases: (() => void)[] = [];
    const { gateway } = await setUp(
      async (request, response, body) => {
        await new Promise<void>((resolve) => releases.push(resolve));
        await plainAnswer('ok')(request, response, body);
      },
      { namespaces: patient(), matchers, policies: [slot] },
    );
    const answers = Array.from({ length: 4 }, () => statusOf(gateway.chat(ask())));
    const first = await Promise.race(answers);
    expect(first).toBe(429);
    for (let served = 0; served < 3; served++) {
      await eventually(() => releases.length > served);
      releases[served]?.();
    }
    expect((await Promise.all(answers)).sort()).toEqual([200, 200, 200, 429]);
  });

  it('refuses when the time is over', async () => {
    const { gateway } = await setUp(() => {}, { namespaces: patient({ maxWaitMs: 100 }), matchers, policies: [slot] });
    void gateway.chat(ask()).catch(() => {});
    await eventually(() => gateway.inFlight() === 1);
    const startedMs = performance.now();
    expect(await statusOf(gateway.chat(ask()))).toBe(429);
    expect(performance.now() - startedMs).toBeGreaterThan(90);
  });

  it('frees the place of a client that leaves', async () => {
    const { gateway } = await setUp(() => {}, {
      namespaces: patient({ maxWaiting: 1, maxWaitMs: 30_000 }),
      matchers,
      policies: [slot],
    });
    void gateway.chat(ask()).catch(() => {});
    await eventually(() => gateway.inFlight() === 1);
    const leaving = new AbortController();
    gateway.chat(ask(), {}, leaving.signal).catch(() => {});
    await eventually(() => gateway.inFlight() === 2);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await statusOf(gateway.chat(ask()))).toBe(429);
    leaving.abort();
    await eventually(() => gateway.records.some(({ outcome }) => outcome.kind === 'client_left'));
    const next = gateway.chat(ask());
    next.catch(() => {});
    const outcome = await Promise.race([next, new Promise((resolve) => setTimeout(resolve, 300, 'waits'))]);
    expect(outcome).toBe('waits');
  });
});

// Defect of the sources: the cap travelled in headers that a client could forge.
it('ignores limits that a client sends as headers', async () => {
  const { upstreams, gateway } = await setUp(plainAnswer('ok'), {
    policies: [policy('w', { kind: 'token-limit', maxOutputTokens: 3 })],
  });
  const forged = { 'x-token-limit-output': '1000000', 'x-namespace-id': 'n2', 'x-gateway': 'AI-Gateway-2.0' };
  expect(await statusOf(gateway.chat(ask(), forged))).toBe(200);
  expect(JSON.parse(upstreams[0]?.seen[0]?.body ?? '{}').max_tokens).toBe(3);
  expect(upstreams[0]?.seen[0]?.headers['x-token-limit-output']).toBeUndefined();
});
