import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, freePort, type Stack, startProcess, startStack } from './support/stack.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ DRAIN_SECONDS: '10' });
});
afterAll(() => stack.close());

function chat(channel: string, content = '[mock text=ok]', more: object = {}, signal?: AbortSignal): Promise<Response> {
  return fetch(`${stack.gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'x-channel-code': channel, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'Qwen3-8B', messages: [{ role: 'user', content }], ...more }),
    ...(signal && { signal }),
  });
}

const openUpstream = async () =>
  ((await (await fetch(`${stack.mock.url}/_mock/stats`)).json()) as { openRequests: number }).openRequests;

describe('a change of the rules', () => {
  it('is live in the gateway in less than a second, at the edge of the limit', async () => {
    const { policyIds, id } = await stack.channel('live', [{ kind: 'concurrency-limit', maxConcurrent: 100 }]);
    expect((await chat('live')).status).toBe(200);
    const startedAt = performance.now();
    await stack.admin('PUT', `/policies/${policyIds[0]}`, {
      namespaceId: id,
      name: 'three',
      rule: { kind: 'qps-limit', maxQps: 0.01, burst: 3 },
    });
    await stack.live();
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    const statuses = [];
    for (let count = 0; count < 4; count++) statuses.push((await chat('live')).status);
    expect(statuses).toEqual([200, 200, 200, 429]);
  });

  it('switches a namespace off and on', async () => {
    const { id } = await stack.channel('switch');
    const namespace = { code: 'switch', name: 'switch', authMode: 'open' };
    await stack.admin('PUT', `/namespaces/${id}`, { ...namespace, isEnabled: false });
    await stack.live();
    expect((await chat('switch')).status).toBe(403);
    await stack.admin('PUT', `/namespaces/${id}`, { ...namespace, isEnabled: true });
    await stack.live();
    expect((await chat('switch')).status).toBe(200);
  });

  it('shows on the dashboard: live rates, tokens, and the revision of the gateway', async () => {
    const { id } = await stack.channel('shown');
    for (let count = 0; count < 20; count++) await (await chat('shown')).text();
    await eventually(async () => {
      const { items } = await stack.admin<{ items: { namespaceId: string; requests: number }[] }>(
        'GET',
        '/live/namespaces',
      );
      return items.some((item) => item.namespaceId === id && item.requests === 20);
    }, 'the live numbers');
    const { items, revision } = await stack.admin<{ items: { revision: number }[]; revision: number }>(
      'GET',
      '/gateways',
    );
    expect(items).toMatchObject([{ revision }]);
  });
});

it('concurrency: 5 of 5 run, the sixth waits its turn, and clients that vanish free their slots within a second', async () => {
  await stack.channel('slots', [{ kind: 'concurrency-limit', maxConcurrent: 5 }]);
  const leavings = Array.from({ length: 5 }, () => new AbortController());
  const streams = await Promise.all(
    leavings.map(({ signal }) => chat('slots', '[mock words=500 delay-ms=50]', { stream: true }, signal)),
  );
  expect(streams.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  expect((await chat('slots')).status).toBe(429);
  for (const leaving of leavings) leaving.abort();
  const leftAt = performance.now();
  await eventually(async () => (await chat('slots')).status === 200, 'a free slot');
  expect(performance.now() - leftAt).toBeLessThan(3_000);
  await eventually(async () => (await openUpstream()) === 0, 'closed upstream requests');
});

it('a client that leaves a passed-through route closes the upstream too', async () => {
  const leaving = new AbortController();
  const response = await fetch(`${stack.gateway.url}/v1/audio/speech`, {
    method: 'POST',
    headers: { 'x-channel-code': 'test-channel', 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'tts', voice: 'x', input: '[mock bytes=10000000 delay-ms=20]' }),
    signal: leaving.signal,
  });
  await response.body?.getReader().read();
  expect(await openUpstream()).toBe(1);
  leaving.abort();
  await eventually(async () => (await openUpstream()) === 0, 'closed upstream requests');
});

describe('the token service is killed', () => {
  it('exact policies refuse, estimating ones go on, and its return is noticed', async () => {
    const own = await startStack();
    await own.channel('exact', [{ kind: 'token-limit', maxOutputTokens: 50, counting: 'exact' }]);
    await own.channel('estimate', [{ kind: 'token-limit', maxOutputTokens: 50 }]);
    await own.tokenService.stop('SIGKILL');
    const ask = (channel: string) =>
      fetch(`${own.gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'x-channel-code': channel, 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'Qwen3-8B', messages: [{ role: 'user', content: '[mock words=10]' }] }),
      });
    expect((await ask('exact')).status).toBe(503);
    expect((await ask('estimate')).status).toBe(200);
    const port = new URL(own.tokenService.url).port;
    const again = await startProcess('token-service/src/main.ts', { TOKEN_SERVICE_PORT: port });
    await eventually(async () => (await ask('exact')).status === 200, 'exact counts');
    await again.stop();
    await own.close();
  });
});

describe('the config center is killed', () => {
  it('the gateway serves on, also after a restart, also from an older snapshot when the newest is damaged', async () => {
    const own = await startStack();
    await own.channel('kept', [{ kind: 'qps-limit', maxQps: 100 }]);
    await own.configCenter.stop('SIGKILL');
    const ask = () =>
      fetch(`${own.gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'x-channel-code': 'kept', 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'Qwen3-8B', messages: [{ role: 'user', content: 'x' }] }),
      });
    expect((await ask()).status).toBe(200);
    await own.restartGateway('SIGKILL');
    expect((await ask()).status).toBe(200);

    const folder = join(own.dataDir, 'gateway-rules');
    const newest = spawnSync('ls', [folder], { encoding: 'utf8' }).stdout.trim().split('\n').at(-1) ?? '';
    writeFileSync(join(folder, newest), 'damaged');
    await own.restartGateway();
    expect((await fetch(`${own.gateway.url}/readyz`)).status).toBe(200);
    expect(own.gateway.log()).toContain('rules from the snapshot on disk');
    await own.close();
  });
});

it('SIGTERM lets running streams finish, refuses new connections, and exits with 0', async () => {
  const own = await startStack();
  const running = fetch(`${own.gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'x-channel-code': 'test-channel', 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'Qwen3-8B',
      stream: true,
      messages: [{ role: 'user', content: '[mock words=40 delay-ms=50]' }],
    }),
  });
  const response = await running;
  const exited = own.gateway.stop('SIGTERM');
  await new Promise((resolve) => setTimeout(resolve, 200));
  await expect(fetch(`${own.gateway.url}/livez`)).rejects.toThrow();
  expect(await response.text()).toContain('data: [DONE]');
  // The client's idle connection must not hold the process until the end of the drain time.
  const endedAt = performance.now();
  expect(await exited).toBe(0);
  expect(performance.now() - endedAt).toBeLessThan(10_000);
  await own.close();
});

it('a real Prometheus scrapes the gateway and knows gateway_requests_total', async () => {
  await (await chat('test-channel')).text();
  const folder = mkdtempSync(join(tmpdir(), 'prometheus-'));
  const target = new URL(stack.gateway.url).host;
  writeFileSync(
    join(folder, 'prometheus.yml'),
    `global: {scrape_interval: 1s}\nscrape_configs:\n  - job_name: gateway\n    static_configs: [{targets: ['${target}']}]\n`,
  );
  const port = await freePort();
  const prometheus = spawn('prometheus', [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
  try {
    const query = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent('gateway_requests_total{namespace="test-channel"}')}`;
    let result: { metric: Record<string, string>; value: [number, string] }[] = [];
    for (let tries = 0; tries < 100 && result.length === 0; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      const answer = await fetch(query).catch(() => undefined);
      result = ((await answer?.json()) as { data?: { result?: typeof result } } | undefined)?.data?.result ?? [];
    }
    expect(result[0]?.metric).toMatchObject({ model: 'Qwen3-8B', namespace: 'test-channel', status: '200' });
  } finally {
    const ended = new Promise((resolve) => prometheus.once('exit', resolve));
    prometheus.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
});

it('neither logs nor metrics hold what was asked or answered, nor a secret', async () => {
  const { id } = await stack.channel('discreet', [], { authMode: 'key' });
  const { secret } = await stack.admin<{ secret: string }>('POST', '/virtual-keys', {
    name: 'canary',
    namespaceIds: [id],
  });
  await stack.live();
  const response = await fetch(`${stack.gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'x-channel-code': 'discreet', authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'Qwen3-8B',
      messages: [{ role: 'user', content: 'canary-question [mock text=canary-answer]' }],
    }),
  });
  expect(await response.text()).toContain('canary-answer');
  await new Promise((resolve) => setTimeout(resolve, 700));
  const metrics = await (await fetch(`${stack.gateway.url}/metrics`)).text();
  for (const text of [stack.gateway.log(), stack.configCenter.log(), metrics]) {
    expect(text).not.toContain(secret);
    expect(text).not.toMatch(/canary-(question|answer)/);
  }
  expect(stack.gateway.log()).toContain('"namespace":"discreet"');
});
