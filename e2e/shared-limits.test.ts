import { setTimeout as sleep } from 'node:timers/promises';
import type { LimitsView } from '@ai-gateway/contracts';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../gateway/test/support/redis.ts';
import { eventually, type Process, type Stack, startStack } from './support/stack.ts';

/** Three gateway processes that share their limits over a real Redis. */
let redis: RedisServer;
let stack: Stack;
let gateways: readonly Process[];

const LEASE_SECONDS = 3;

beforeAll(async () => {
  redis = await startRedis(['--appendonly', 'yes']);
  stack = await startStack({
    REDIS_URL: redis.url,
    LIMIT_LEASE_SECONDS: String(LEASE_SECONDS),
    // Edges are exact as long as Redis is asked; a machine that is busy with other work must not change who is.
    LIMIT_STORE_TIMEOUT_MS: '5000',
    GATEWAY_ID: 'first',
  });
  const others = [await stack.addGateway(), await stack.addGateway()];
  gateways = [stack.gateway, ...others];
  await warmUp();
});
afterAll(async () => {
  await stack.close();
  await redis.close();
});

const SLOW = '[mock words=2000 delay-ms=20]';

function chat(
  gateway: number,
  channel: string,
  {
    content = 'hi',
    signal,
    ...body
  }: { content?: string; signal?: AbortSignal; stream?: boolean; max_tokens?: number },
): Promise<Response> {
  return fetch(`${gateways[gateway % gateways.length]?.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-channel-code': channel },
    body: JSON.stringify({ model: 'Qwen3-8B', messages: [{ role: 'user', content }], ...body }),
    ...(signal && { signal }),
  });
}

async function statusesOf(answers: readonly Promise<Response>[]): Promise<number[]> {
  return Promise.all(
    answers.map(async (answer) => {
      const response = await answer;
      await response.text();
      return response.status;
    }),
  );
}

const limitsOf = (namespace: string) => stack.admin<LimitsView>('GET', `/limits?namespace=${namespace}`);
/** What is used of the namespace's counters, by what they count. */
async function usedOf(namespace: string): Promise<Partial<Record<string, number>>> {
  const { reports } = await limitsOf(namespace);
  return Object.fromEntries((reports[0]?.limits ?? []).map(({ counts, current }) => [counts, current]));
}

/** First requests wait for code to be compiled, for longer than a gateway waits for Redis before it counts alone. */
async function warmUp(): Promise<void> {
  await stack.channel('warm-up', [{ kind: 'request-limit', windows: [{ windowSeconds: 3600, maxRequests: 1000 }] }]);
  for (let round = 0; round < 5; round++) {
    for (const stream of [false, true])
      await statusesOf(Array.from({ length: 6 }, (_, index) => chat(index, 'warm-up', { stream })));
  }
}

it.each([false, true])('admits the limit and not one more, over all gateways (stream: %s)', async (stream) => {
  const code = `edge-${stream}`;
  await stack.channel(code, [{ kind: 'request-limit', windows: [{ windowSeconds: 3600, maxRequests: 30 }] }]);
  const statuses = await statusesOf(Array.from({ length: 60 }, (_, index) => chat(index, code, { stream })));
  expect(statuses.filter((status) => status === 200)).toHaveLength(30);
  expect(statuses.filter((status) => status === 429)).toHaveLength(30);
});

it.each([false, true])('admits the last token and not one more (stream: %s)', async (stream) => {
  const code = `tokens-${stream}`;
  await stack.channel(code, [
    { kind: 'token-limit', windows: [{ windowSeconds: 3600, maxTokens: 1_000, counts: 'output' }] },
  ]);
  const ask = (gateway: number, max_tokens: number) =>
    chat(gateway, code, { stream, max_tokens, content: `[mock words=${2 * max_tokens}]` });
  expect(await statusesOf([ask(0, 600)])).toEqual([200]);
  expect(await statusesOf([ask(1, 401)])).toEqual([429]);
  expect(await statusesOf([ask(2, 400)])).toEqual([200]);
  expect(await usedOf(code)).toEqual({ output: 1_000 });
  expect(await statusesOf([ask(0, 1)])).toEqual([429]);
  expect(await statusesOf([ask(0, 1_001)])).toEqual([400]);
});

it('shows counters and running requests from the keys that decide', async () => {
  const { id } = await stack.channel('shown', [
    { kind: 'concurrency-limit', maxConcurrent: 5 },
    { kind: 'token-limit', windows: [{ windowSeconds: 1800, maxTokens: 10_000 }] },
  ]);
  const leaving = new AbortController();
  const running = [0, 1, 2].map((gateway) =>
    chat(gateway, 'shown', { stream: true, max_tokens: 2_000, content: SLOW, signal: leaving.signal }),
  );
  await Promise.all(running);
  const { reports, missing } = await limitsOf('shown');
  expect(missing).toEqual([]);
  expect(reports).toHaveLength(1);
  expect(reports[0]?.store).toBe('shared');
  const ofKind = (wanted: string) => reports[0]?.limits.find(({ kind }) => kind === wanted);
  expect(ofKind('concurrency')).toMatchObject({ counts: 'slots', current: 3, limit: 5, remaining: 2 });
  expect(ofKind('window')?.current).toBeGreaterThan(6_000);
  expect(Date.parse(ofKind('window')?.windowEndAt ?? '')).toBeGreaterThan(Date.now() - 5_000);
  expect(reports[0]?.inFlight.map(({ gatewayId, namespaceId }) => [gatewayId, namespaceId]).sort()).toEqual([
    ['first', id],
    ['other-0', id],
    ['other-1', id],
  ]);
  const soFar = async () =>
    (await limitsOf('shown')).reports[0]?.inFlight.map(({ outputTokensSoFar }) => outputTokensSoFar);
  await eventually(async () => (await soFar())?.every((tokens) => tokens > 0) ?? false, 'progress of all');

  // Clients that vanish mid-stream: everything is free within a second, or three on a busy machine.
  const leftAt = performance.now();
  leaving.abort();
  await eventually(async () => (await limitsOf('shown')).reports[0]?.inFlightTotal === 0, 'the end of all');
  expect(performance.now() - leftAt).toBeLessThan(3_000);
  expect(await usedOf('shown')).toMatchObject({ slots: 0 });
  expect((await usedOf('shown')).total).toBeLessThan(1_000);
  await Promise.allSettled(running);
});

it('frees what a gateway held that was killed, within the lease and a second', async () => {
  await stack.channel('killed', [
    { kind: 'concurrency-limit', maxConcurrent: 4 },
    { kind: 'token-limit', windows: [{ windowSeconds: 1800, maxTokens: 20_000 }] },
  ]);
  const victim = await stack.addGateway();
  const running = Array.from({ length: 4 }, () =>
    fetch(`${victim.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-channel-code': 'killed' },
      body: JSON.stringify({
        model: 'Qwen3-8B',
        stream: true,
        max_tokens: 2_000,
        messages: [{ role: 'user', content: SLOW }],
      }),
    }),
  );
  await Promise.all(running);
  expect(await statusesOf([chat(0, 'killed', {})])).toEqual([429]);
  await sleep(500);
  const killedAt = performance.now();
  await victim.stop('SIGKILL');
  await eventually(async () => (await limitsOf('killed')).reports[0]?.inFlightTotal === 0, 'the end of all');
  expect(performance.now() - killedAt).toBeLessThan((LEASE_SECONDS + 3) * 1_000);
  expect(await usedOf('killed')).toMatchObject({ slots: 0 });
  // What they had reported stays counted, the rest of the 8,000 is back.
  expect((await usedOf('killed')).total).toBeLessThan(2_000);
  await Promise.allSettled(running);
});

it('lets a burst wait for room instead of refusing it, whatever gateway it comes to', async () => {
  await stack.channel('patient', [{ kind: 'concurrency-limit', maxConcurrent: 2 }], { maxWaitMs: 20_000 });
  const answers = Array.from({ length: 12 }, (_, index) =>
    chat(index, 'patient', { content: '[mock words=5 delay-ms=20]' }),
  );
  expect(new Set(await statusesOf(answers))).toEqual(new Set([200]));
});

it('asks Redis once before the provider, and the client does not wait for the settlement', async () => {
  await stack.channel('hops', [
    { kind: 'qps-limit', maxQps: 1_000 },
    { kind: 'concurrency-limit', maxConcurrent: 1_000 },
    { kind: 'token-limit', windows: [{ windowSeconds: 60, maxTokens: 1_000_000 }] },
  ]);
  const commands: string[] = [];
  const monitor = await redis.client().monitor();
  monitor.on('monitor', (_at: string, parts: string[]) => commands.push(parts.join(' ')));
  const answer = fetch(`${stack.gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-channel-code': 'hops', 'x-request-id': 'hop-1' },
    body: JSON.stringify({
      model: 'Qwen3-8B',
      max_tokens: 5,
      messages: [{ role: 'user', content: '[mock words=3 first-delay-ms=600]' }],
    }),
  });
  await sleep(300);
  // One script, with what it does inside it.
  expect(commands.filter((command) => command.startsWith('evalsha') && command.includes('hop-1'))).toHaveLength(1);
  monitor.disconnect();
  await redis.kill('SIGSTOP');
  const startedAt = performance.now();
  expect((await answer).status).toBe(200);
  // Redis answers nobody for now: who waited for it would wait for 5 s.
  expect(performance.now() - startedAt).toBeLessThan(3_000);
  await redis.kill('SIGCONT');
  await eventually(async () => (await limitsOf('hops')).reports[0]?.inFlightTotal === 0, 'the settlement');
});

it('tells the official client when to come again', async () => {
  await stack.channel('official', [{ kind: 'request-limit', windows: [{ windowSeconds: 2, maxRequests: 1 }] }]);
  const client = new OpenAI({
    baseURL: `${gateways[1]?.url}/v1`,
    apiKey: 'none',
    maxRetries: 2,
    defaultHeaders: { 'x-channel-code': 'official' },
  });
  const ask = () =>
    client.chat.completions.create({ model: 'Qwen3-8B', messages: [{ role: 'user', content: 'hi' }] }).withResponse();
  const { response } = await ask();
  expect(response.headers.get('x-ratelimit-remaining-requests')).toBe('0');
  const startedAt = performance.now();
  // The client sleeps as long as it was told and then gets its answer.
  await ask();
  expect(performance.now() - startedAt).toBeGreaterThan(1_500);
  expect(performance.now() - startedAt).toBeLessThan(6_000);
});

it('counts a policy that observes, and refuses nothing', async () => {
  const { id } = await stack.channel('shadow');
  await stack.admin('POST', '/policies', {
    namespaceId: id,
    name: 'shadow',
    mode: 'observe',
    rule: { kind: 'request-limit', windows: [{ windowSeconds: 60, maxRequests: 1 }] },
  });
  await stack.live();
  expect(await statusesOf([0, 1, 2].map((gateway) => chat(gateway, 'shadow', {})))).toEqual([200, 200, 200]);
  await eventually(() => gateways.some(({ log }) => log().includes('"observedPolicyIds"')), 'a line in the log');
});

// The last one: for two seconds after it some decisions are still made by each gateway alone.
it('serves by each policy while Redis is gone, and shares again when it is back', async () => {
  const { id } = await stack.channel('degraded', [{ kind: 'concurrency-limit', maxConcurrent: 300 }]);
  await stack.channel('strict');
  const { id: strictId } = (await stack
    .admin<{ items: { id: string; code: string }[] }>('GET', '/namespaces?keyword=strict')
    .then(({ items }) => items.find(({ code }) => code === 'strict'))) as { id: string };
  await stack.admin('POST', '/policies', {
    namespaceId: strictId,
    name: 'strict',
    onLimiterDown: 'closed',
    rule: { kind: 'concurrency-limit', maxConcurrent: 300 },
  });
  await stack.live();
  expect(await statusesOf([chat(0, 'strict', {}), chat(1, 'degraded', {})])).toEqual([200, 200]);

  await redis.kill('SIGKILL');
  const startedAt = performance.now();
  const refused = await chat(0, 'strict', {});
  expect(refused.status).toBe(503);
  expect(refused.headers.get('retry-after')).toBe('1');
  expect(await refused.json()).toMatchObject({ error: { code: 'limiter_unavailable' } });
  expect(performance.now() - startedAt).toBeLessThan(3_000);
  expect(await statusesOf([0, 1, 2].map((gateway) => chat(gateway, 'degraded', {})))).toEqual([200, 200, 200]);
  // Enough questions that were not answered: every gateway gives Redis up, and says so.
  for (let count = 0; count < 6; count++) await statusesOf([0, 1, 2].map((gateway) => chat(gateway, 'degraded', {})));
  expect((await limitsOf(id)).reports.map(({ store }) => store)).toEqual(['degraded', 'degraded', 'degraded']);
  const health = (await (await fetch(`${gateways[0]?.url}/health`)).json()) as { status: string };
  expect(health.status).toBe('degraded');

  await redis.restart();
  await eventually(async () => (await limitsOf(id)).reports[0]?.store === 'shared', 'sharing');
  await eventually(async () => (await statusesOf([chat(0, 'strict', {})]))[0] === 200, 'the strict channel');
});
