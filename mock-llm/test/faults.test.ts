import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type MockLlm, startMockLlm } from '../src/start-mock-llm.ts';
import { chatBody, dataOf, eventually, getJson, post } from './support.ts';

let mock: MockLlm;
const chat = (content: string, more: object = {}) => post(`${mock.url}/v1/chat/completions`, chatBody(content, more));
const stream = (content: string) => chat(content, { stream: true });

beforeAll(async () => {
  mock = await startMockLlm({ port: 0 });
});
beforeEach(() => mock.reset());
afterAll(() => mock.close());

describe('an error', () => {
  it('has the status, code, sentence and headers that were ordered', async () => {
    const answer = await chat(
      '[mock status=429 retry-after=7 retry-after-ms=6500 error-code=tpm error-message="Slow!"]',
    );
    expect(answer.status).toBe(429);
    expect(answer.headers).toMatchObject({ 'retry-after': '7', 'retry-after-ms': '6500' });
    expect(JSON.parse(answer.text).error).toEqual({ message: 'Slow!', type: 'requests', param: null, code: 'tpm' });
  });

  it('may be an HTML page, and any header may be added', async () => {
    const answer = await chat('[mock status=502 html header="set-cookie: a=b"]');
    expect(answer.headers['content-type']).toBe('text/html');
    expect(answer.headers['set-cookie']).toEqual(['a=b']);
  });

  it('meets only the first requests with this body when told so', async () => {
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 4; attempt += 1) statuses.push((await chat('[mock status=503 times=2]')).status);
    expect(statuses).toEqual([503, 503, 200, 200]);
    mock.reset();
    expect((await chat('[mock status=503 times=2]')).status).toBe(503);
  });
});

describe('a connection', () => {
  it('is reset before the headers', async () => {
    await expect(chat('[mock reset]')).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('dies after exactly the ordered events', async () => {
    for (const events of [0, 1, 5]) {
      const answer = await stream(`Hi [mock die-after=${events}]`);
      expect(answer.status).toBe(200);
      expect(dataOf(answer.text).length).toBe(events);
      expect(answer.torn).toBe('ECONNRESET');
    }
  });

  it('dies inside a JSON body', async () => {
    const answer = await chat('Hi [mock die-after=100]');
    expect(answer.bytes.length).toBe(100);
    expect(answer.torn).toBe('ECONNRESET');
  });

  it('ends cleanly after the ordered events', async () => {
    const answer = await stream('Hi [mock end-after=3]');
    expect(dataOf(answer.text).length).toBe(3);
    expect(answer.torn).toBeUndefined();
  });

  it.each(['hang', 'hang-after=3', 'first-delay-ms=60000', 'delay-ms=60000'])(
    'that does not go on (%s) is counted as open until the client leaves',
    async (control) => {
      const leaving = new AbortController();
      const call = fetch(`${mock.url}/v1/chat/completions`, {
        method: 'POST',
        body: chatBody(`Hi [mock ${control}]`, { stream: true }),
        signal: leaving.signal,
      }).then((response) => response.text());
      const failed = expect(call).rejects.toThrow();
      await eventually(() => mock.stats().openRequests === 1);
      leaving.abort();
      await failed;
      await eventually(() => mock.stats().openRequests === 0);
      expect(mock.stats()).toMatchObject({ abortedByClient: 1, closedByMock: 0, completed: 0 });
      expect(mock.stats().lastRequests.at(-1)?.ended).toBe('client_left');
    },
  );

  it('is counted open while the reader is slow, and memory does not take the answer twice', async () => {
    const outgoing = httpRequest(`${mock.url}/v1/chat/completions`, { method: 'POST' });
    outgoing.end(chatBody('Hi [mock words=300000 events-per-write=100]', { stream: true }));
    const [incoming] = await once(outgoing, 'response');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(mock.stats().openRequests).toBe(1);
    incoming.destroy();
    await eventually(() => mock.stats().openRequests === 0);
    expect(mock.stats().abortedByClient).toBe(1);
  });
});

describe('writes', () => {
  it('wait before the first byte and between events', async () => {
    const started = performance.now();
    await stream('Hi [mock words=5 first-delay-ms=60 delay-ms=10]');
    // Timers may fire a millisecond early.
    expect(performance.now() - started).toBeGreaterThan(60 + 7 * 10 - 8);
  });

  it('send the headers before the wait of the body', async () => {
    const response = await fetch(`${mock.url}/v1/chat/completions`, {
      method: 'POST',
      body: chatBody('Hi [mock body-delay-ms=60000]', { stream: true }),
    });
    expect(response.status).toBe(200);
    await response.body?.cancel();
  });

  it('end inside characters when told so', async () => {
    const answer = await stream('[mock text="你好世界" chunk=0 utf8-split]');
    expect(answer.text).toContain('你好世界');
    const isTorn = (bytes: Buffer) => bytes.toString('utf8').includes('\uFFFD');
    expect(answer.reads.filter(isTorn).length).toBeGreaterThan(1);
  });

  it('are as small as told', async () => {
    const answer = await chat('Hi [mock words=1 slow-bytes=50]');
    expect(answer.reads.length).toBeGreaterThan(3);
    expect(JSON.parse(answer.text).object).toBe('chat.completion');
  });
});

describe('the stats', () => {
  it('show what arrived, with headers and body', async () => {
    await post(`${mock.url}/v1/chat/completions`, chatBody('Hi'), { 'X-Mark': 'yes', authorization: 'Bearer k' });
    const stats = await getJson(`${mock.url}/_mock/stats`);
    expect(stats).toMatchObject({ openRequests: 0, totalRequests: 1, completed: 1, abortedByClient: 0 });
    expect(stats.lastRequests[0]).toMatchObject({
      method: 'POST',
      url: '/v1/chat/completions',
      headers: { 'x-mark': 'yes', authorization: 'Bearer k' },
      body: chatBody('Hi'),
      ended: 'completed',
    });
  });

  it('count a fault of the mock apart from a client that left', async () => {
    await stream('Hi [mock die-after=1]');
    await eventually(() => mock.stats().openRequests === 0);
    expect(mock.stats()).toMatchObject({ closedByMock: 1, abortedByClient: 0 });
  });

  it('keep the last 100 requests and can be reset', async () => {
    for (let index = 0; index < 230; index += 1) await chat('Hi');
    expect(
      mock
        .stats()
        .lastRequests.map((request) => request.id)
        .at(-1),
    ).toBeGreaterThanOrEqual(230);
    expect(mock.stats().lastRequests.length).toBe(100);
    await fetch(`${mock.url}/_mock/reset`, { method: 'POST' });
    expect(mock.stats()).toMatchObject({ totalRequests: 0, lastRequests: [] });
  });

  it('stay right when a client leaves during its upload', async () => {
    const socket = connect(mock.port, '127.0.0.1');
    socket.write('POST /v1/files HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nabc');
    await eventually(() => mock.stats().openRequests === 1);
    socket.destroy();
    await eventually(() => mock.stats().openRequests === 0);
    expect(mock.stats().abortedByClient).toBe(1);
  });
});

describe('the process', () => {
  const main = new URL('../src/main.ts', import.meta.url).pathname;
  const start = (environment: Record<string, string>) =>
    spawn(process.execPath, [main], { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });

  it('says which port it listens on, and stops cleanly on SIGTERM with a stream open', async () => {
    const child = start({ MOCK_LLM_PORT: '0' });
    const lines = createInterface({ input: child.stdout });
    const [line] = await once(lines, 'line');
    const { event, port } = JSON.parse(line);
    expect(event).toBe('listening');
    const open = post(
      `http://127.0.0.1:${port}/v1/chat/completions`,
      chatBody('Hi [mock hang-after=1]', { stream: true }),
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    child.kill('SIGTERM');
    expect((await once(child, 'exit'))[0]).toBe(0);
    expect((await open).torn).toBe('ECONNRESET');
  });

  it('names the port and the variable when the port is taken', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as { port: number };
    const child = start({ MOCK_LLM_PORT: String(port) });
    const text = child.stderr.toArray();
    expect((await once(child, 'exit'))[0]).toBe(1);
    expect(String(await text)).toContain(`port ${port} is taken; set MOCK_LLM_PORT`);
    holder.close();
  });

  it('names every faulty setting', async () => {
    const child = start({ MOCK_LLM_PORT: '99999', LOG_LEVEL: 'loud' });
    const text = child.stderr.toArray();
    expect((await once(child, 'exit'))[0]).toBe(1);
    expect(String(await text)).toMatch(/MOCK_LLM_PORT: expected a port.*\n.*LOG_LEVEL: expected a log level/);
  });

  it('takes an empty setting for unset', async () => {
    const { readSettings } = await import('../src/settings.ts');
    expect(readSettings({ MOCK_LLM_PORT: '', HOST: '' })).toEqual({
      HOST: '127.0.0.1',
      MOCK_LLM_PORT: 8003,
      LOG_LEVEL: 'info',
    });
  });
});
