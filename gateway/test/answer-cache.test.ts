import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { memoryAnswerCache } from '../src/adapters/memory-answer-cache.ts';
import { openClient } from '../src/adapters/redis/connection.ts';
import { redisAnswerCache } from '../src/adapters/redis/redis-answer-cache.ts';
import type { AnswerCache } from '../src/services.ts';
import { type RedisServer, startRedis } from './support/redis.ts';
import {
  ask,
  contentEvent,
  DONE,
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

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each.close();
});

async function setUp(
  script: Script,
  {
    cache = { ttlSeconds: 60 },
    rules = {},
    store = memoryAnswerCache(),
  }: { cache?: object; rules?: Record<string, unknown>; store?: AnswerCache } = {},
) {
  const upstream = await startUpstream(script);
  const namespaces = [
    { id: 'n1', code: 'test-channel', name: 'Test', authMode: 'open', cache },
    { id: 'n2', code: 'closed', name: 'Closed', authMode: 'open', cache },
    { id: 'n3', code: 'disabled', name: 'Plain', authMode: 'open' },
  ];
  const gateway = await startGateway(rulesWith([upstream.url], { namespaces, ...rules }), {}, { cache: store });
  open.push(upstream, gateway);
  return { upstream, gateway };
}

const resultOf = (response: Response) => response.headers.get('x-gateway-cache');

describe('answers that are kept', () => {
  it('are given again without a provider: they count as a request and cost no tokens', async () => {
    const policies = [
      policy('requests', { kind: 'request-limit', windows: [{ windowSeconds: 60, maxRequests: 100 }] }),
      policy('tokens', { kind: 'token-limit', windows: [{ windowSeconds: 60, maxTokens: 1000 }] }),
    ];
    const { gateway, upstream } = await setUp(plainAnswer('kept'), { rules: { policies } });
    const first = await gateway.chat(ask({ user: 'a', temperature: 0.5, top_p: 1 }));
    const second = await gateway.chat(ask({ top_p: 1, temperature: 0.5, user: 'b' }));
    expect([resultOf(first), resultOf(second), second.headers.get('age')]).toEqual(['miss', 'hit', '0']);
    expect(await second.json()).toEqual(await first.json());
    expect(upstream.seen.length).toBe(1);
    expect(
      gateway.records.map(({ outcome }) => [outcome.kind, outcome.usage.inputTokens, outcome.usage.source]),
    ).toEqual([
      ['completed', 5, 'provider'],
      ['completed', 0, 'none'],
    ]);
    expect((await gateway.limits()).map(({ current }) => current)).toEqual([2, 7]);
  });

  it('are replayed as streams, with and without usage as asked', async () => {
    const usage =
      'data: {"id":"c","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}\n\n';
    const events = [contentEvent('a'), contentEvent('b'), FINISH, usage, DONE];
    const { gateway, upstream } = await setUp(streamAnswer(events));
    const first = await (await gateway.chat(ask({ stream: true }))).text();
    const again = await gateway.chat(ask({ stream: true }));
    expect([resultOf(again), await again.text()]).toEqual(['hit', first]);
    const withUsage = await gateway.chat(ask({ stream: true, stream_options: { include_usage: true } }));
    expect(resultOf(withUsage)).toBe('hit');
    expect(await withUsage.text()).toContain('"total_tokens":7');
    // What was kept is a stream, so a request that wants none is asked anew; this upstream cannot answer it.
    expect((await gateway.chat(ask())).status).toBe(502);
    expect(upstream.seen.length).toBe(2);
  });

  it.each([
    [
      'an error',
      (_: unknown, response: { writeHead(status: number): { end(): void } }) => response.writeHead(400).end(),
    ],
    ['a broken stream', streamAnswer([contentEvent('a')])],
    ['an answer that is too large', streamAnswer([contentEvent('a'.repeat(5_000)), FINISH, DONE])],
  ])('are never %s', async (_name, script) => {
    const { gateway, upstream } = await setUp(script as Script, { cache: { ttlSeconds: 60, maxBytes: 2_000 } });
    for (let request = 0; request < 2; request++) {
      const response = await gateway.chat(ask({ stream: true }));
      expect(resultOf(response)).not.toBe('hit');
      await response.text();
    }
    expect(upstream.seen.length).toBe(2);
  });

  it('are never cut ones', async () => {
    const policies = [policy('cap', { kind: 'token-limit', maxOutputTokens: 1 })];
    const { gateway, upstream } = await setUp(plainAnswer('one two three four', null), { rules: { policies } });
    for (let request = 0; request < 2; request++) await (await gateway.chat(ask())).text();
    expect(gateway.records[0]?.outcome.kind).toBe('cut');
    expect(upstream.seen.length).toBe(2);
  });

  it('are asked for and kept as the client wishes', async () => {
    const { gateway, upstream } = await setUp(plainAnswer('a'));
    const results: (string | null)[] = [];
    for (const control of ['no-store', '', 'no-cache', '', 'no-store'])
      results.push(resultOf(await gateway.chat(ask(), { 'cache-control': control })));
    expect(results).toEqual(['bypass', 'miss', 'miss', 'hit', 'bypass']);
    expect(upstream.seen.length).toBe(4);
  });

  it.each([
    [{ ttlSeconds: 60 }, ['miss', 'miss', 'hit']],
    [{ ttlSeconds: 60, isShared: true }, ['miss', 'hit', 'hit']],
  ])('with %j belong to whom they should', async (cache, expected) => {
    const keys = ['vk_a', 'vk_b'].map((secret) => ({
      id: secret,
      name: secret,
      prefix: 'vk_',
      secretHash: createHmac('sha256', KEY_PEPPER).update(secret).digest('hex'),
    }));
    const { gateway } = await setUp(plainAnswer('a'), { cache, rules: { virtualKeys: keys } });
    const results: (string | null)[] = [];
    for (const secret of ['vk_a', 'vk_b', 'vk_a'])
      results.push(resultOf(await gateway.chat(ask(), { authorization: `Bearer ${secret}` })));
    expect(results).toEqual(expected);
    expect(resultOf(await gateway.chat(ask(), { 'x-channel-code': 'closed', authorization: 'Bearer vk_a' }))).toBe(
      'miss',
    );
    expect(resultOf(await gateway.chat(ask(), { 'x-channel-code': 'disabled' }))).toBeNull();
  });

  it('leave after their time', async () => {
    const { gateway, upstream } = await setUp(plainAnswer('a'), { cache: { ttlSeconds: 1 } });
    await gateway.chat(ask());
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    expect(resultOf(await gateway.chat(ask()))).toBe('miss');
    expect(upstream.seen.length).toBe(2);
  });
});

describe('answers that are kept in Redis', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.close());

  it('are there for every gateway, byte for byte, and a Redis that goes away is no error', async () => {
    const clients = [1, 2].map(() => openClient({ url: new URL(redis.url), isCluster: false, timeoutMs: 1_000 }));
    for (const client of clients) client.on('error', () => {});
    await Promise.all(clients.map((client) => new Promise((resolve) => client.once('ready', resolve))));
    const [writer, reader] = clients.map(redisAnswerCache) as [AnswerCache, AnswerCache];
    const body = Buffer.from([0, 10, 13, 255, 32, 10]);
    writer.keep('a prompt', { contentType: 'text/event-stream', body, storedAtMs: 5 }, 60_000);
    while ((await reader.read('a prompt')) === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await reader.read('a prompt')).toEqual({ contentType: 'text/event-stream', body, storedAtMs: 5 });
    expect(await reader.read('another')).toBeUndefined();
    expect(String(await clients[0]?.keys('*'))).not.toContain('prompt');
    for (const client of clients) client.disconnect();
    expect(await reader.read('a prompt')).toBeUndefined();
  });
});
