import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually, type Process, type Stack, startProcess, startStack } from './support/stack.ts';

let stack: Stack;
const mocks: Process[] = [];

beforeAll(async () => {
  stack = await startStack();
});
afterAll(async () => {
  await Promise.all(mocks.map((mock) => mock.stop('SIGKILL')));
  await stack.close();
});

async function startMock(): Promise<Process> {
  const mock = await startProcess('mock-llm/src/main.ts', { MOCK_LLM_PORT: '0', LOG_LEVEL: 'info' });
  mocks.push(mock);
  return mock;
}

/** A provider of its own for `model`, at these mocks. */
async function provider(name: string, model: string, urls: readonly string[], fields: object = {}): Promise<void> {
  const { id } = await stack.admin<{ id: string }>('POST', '/providers', {
    name,
    models: [model],
    priority: 1,
    ...fields,
  });
  for (const baseUrl of urls) await stack.admin('POST', '/upstreams', { providerId: id, baseUrl });
  await stack.live();
}

function ask(model: string, content: string, more: object = {}, signal?: AbortSignal): Promise<Response> {
  return fetch(`${stack.gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'x-channel-code': 'routes', 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content }], ...more }),
    ...(signal && { signal }),
  });
}

const openAt = async (mock: Process) =>
  ((await (await fetch(`${mock.url}/_mock/stats`)).json()) as { openRequests: number }).openRequests;

it('no client sees an error when one of two upstreams is killed under load before its first byte', async () => {
  await stack.channel('routes', [{ kind: 'token-limit', windows: [{ windowSeconds: 3600, maxTokens: 100_000_000 }] }]);
  const [stays, dies] = [await startMock(), await startMock()];
  await provider('pair', 'mock-pair', [stays.url, dies.url]);
  const statuses: number[] = [];
  let isOver = false;
  const client = async () => {
    while (!isOver) {
      const response = await ask('mock-pair', '[mock words=5 first-delay-ms=50]');
      await response.arrayBuffer();
      statuses.push(response.status);
    }
  };
  const clients = Array.from({ length: 20 }, client);
  await eventually(() => statuses.length > 40, 'both are busy');
  await dies.stop('SIGKILL');
  const before = statuses.length;
  await eventually(() => statuses.length > before + 200, 'requests go on');
  isOver = true;
  await Promise.all(clients);
  console.log(`fail-over: ${statuses.length} requests, ${statuses.filter((status) => status !== 200).length} errors`);
  expect(statuses.filter((status) => status !== 200)).toEqual([]);
  const { items } = await stack.admin<{ items: { id: string; baseUrl: string }[] }>('GET', '/upstreams?size=100');
  const aside = [items.find(({ baseUrl }) => baseUrl === dies.url)?.id];
  type Gateways = { readonly items: readonly { readonly asideUpstreams: readonly string[] }[] };
  const told = async () => (await stack.admin<Gateways>('GET', '/gateways')).items.map((row) => row.asideUpstreams);
  // Now and then the dead one is tried again, and set aside again.
  await eventually(async () => {
    await ask('mock-pair', '[mock words=1]').then((response) => response.arrayBuffer());
    return JSON.stringify(await told()) === JSON.stringify([aside]);
  }, 'the upstream that the gateway has set aside');
});

it('one dead and one slow provider do not change the latency of others', async () => {
  const [good, slow, dead] = [await startMock(), await startMock(), await startMock()];
  await provider('good', 'mock-good', [good.url]);
  await provider('slow', 'mock-slow', [slow.url]);
  await provider('dead', 'mock-dead', [dead.url]);
  const medianMs = async () => {
    const times: number[] = [];
    for (let request = 0; request < 150; request++) {
      const startedAt = performance.now();
      await (await ask('mock-good', `[mock words=5] ${request}`)).arrayBuffer();
      times.push(performance.now() - startedAt);
    }
    return times.toSorted((left, right) => left - right)[75] ?? 0;
  };
  await medianMs();
  const alone = await medianMs();
  await dead.stop('SIGKILL');
  const leaving = new AbortController();
  const hanging = Array.from({ length: 100 }, () =>
    ask('mock-slow', '[mock hang]', {}, leaving.signal).catch(() => {}),
  );
  const failing = setInterval(() => void ask('mock-dead', 'x', {}, leaving.signal).catch(() => {}), 20);
  await eventually(async () => (await openAt(slow)) === 100, 'requests hang');
  const beside = await medianMs();
  clearInterval(failing);
  leaving.abort();
  await Promise.all(hanging);
  console.log(
    `median beside a slow and a dead provider ${beside.toFixed(2)} ms, alone ${alone.toFixed(2)} ms, ratio ${(beside / alone).toFixed(2)}`,
  );
  // Far above any noise, far below what waiting for the others would cost.
  expect(beside).toBeLessThan(alone * 5 + 20);
});

it('a client that leaves closes the upstream within 100 ms and pays for what it got, on passed-through routes too', async () => {
  const mock = await startMock();
  await provider('left', 'mock-left', [mock.url]);
  const closedAfterMs = async () => {
    const leftAt = performance.now();
    await eventually(async () => (await openAt(mock)) === 0, 'the upstream is closed');
    return performance.now() - leftAt;
  };

  const leaving = new AbortController();
  const stream = await ask('mock-left', '[mock words=10000 delay-ms=5]', { stream: true }, leaving.signal);
  const reader = stream.body?.getReader();
  let read = '';
  while (read.split('"content":"').length <= 20) read += Buffer.from((await reader?.read())?.value ?? []).toString();
  leaving.abort();
  const chatMs = await closedAfterMs();
  await eventually(() => stack.gateway.log().includes('"provider":"left"'), 'the request is logged');
  const line =
    stack.gateway
      .log()
      .split('\n')
      .find((each) => each.includes('"provider":"left"')) ?? '';
  const { outcome, outputTokens } = JSON.parse(line) as { outcome: string; outputTokens: number };
  expect(outcome).toBe('client_left');
  expect(outputTokens).toBeGreaterThan(10);
  expect(outputTokens).toBeLessThan(200);

  const hangingUp = new AbortController();
  const speech = await fetch(`${stack.gateway.url}/v1/audio/speech`, {
    method: 'POST',
    headers: { 'x-channel-code': 'routes', 'x-provider': 'left', 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'mock', input: '[mock bytes=50000000 delay-ms=5]', voice: 'a' }),
    signal: hangingUp.signal,
  });
  await speech.body?.getReader().read();
  hangingUp.abort();
  const speechMs = await closedAfterMs();
  console.log(`upstream closed after ${chatMs.toFixed(0)} ms (chat) and ${speechMs.toFixed(0)} ms (http-proxy)`);
  expect(Math.max(chatMs, speechMs)).toBeLessThan(500);
});
