import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { connectGuard } from '../src/adapters/connect-guard.ts';
import {
  ask,
  eventually,
  KEY_PEPPER,
  plainAnswer,
  policy,
  rulesWith,
  startGateway,
  startUpstream,
} from './support/test-gateway.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each.close();
});

const CHANNEL = { 'x-channel-code': 'test-channel' };

/** A provider whose WebSocket gives every message back. */
async function startEcho() {
  const server = createServer();
  const sockets = new WebSocketServer({ server, path: '/v1/realtime' });
  const handshakes: { url: string; headers: Record<string, unknown> }[] = [];
  sockets.on('connection', (socket, request) => {
    handshakes.push({ url: request.url ?? '', headers: request.headers });
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    handshakes,
    clients: sockets.clients,
    async close() {
      for (const client of sockets.clients) client.terminate();
      sockets.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function setUpEcho(rules: Record<string, unknown> = {}, secrets: Record<string, string> = {}) {
  const echo = await startEcho();
  const gateway = await startGateway(rulesWith([echo.url], rules), secrets);
  open.push(echo, gateway);
  const dial = (headers: Record<string, string> = CHANNEL, protocols: string[] = []) =>
    new WebSocket(`${gateway.url.replace('http', 'ws')}/v1/realtime?model=m`, protocols, { headers });
  return { echo, gateway, dial };
}

const opened = (socket: WebSocket) =>
  new Promise<void>((resolve, reject) => socket.once('open', resolve).once('error', reject));
const received = (socket: WebSocket) =>
  new Promise<Buffer>((resolve) => socket.once('message', (data) => resolve(data as Buffer)));
const closed = (socket: WebSocket) => new Promise<number>((resolve) => socket.once('close', resolve));
const refused = (socket: WebSocket) =>
  new Promise<number>((resolve) => {
    socket.once('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0)).on('error', () => {});
  });

describe('the realtime WebSocket', () => {
  it('passes through both ways with our key, counted in bytes', async () => {
    const { echo, gateway, dial } = await setUpEcho(
      { providers: [{ id: 'p1', name: 'acme', models: ['m'], apiKeyEnv: 'ACME_API_KEY' }] },
      { ACME_API_KEY: 'sk-ours' },
    );
    const socket = dial({ ...CHANNEL, authorization: 'Bearer theirs', cookie: 'c=d', 'openai-beta': 'realtime=v1' });
    await opened(socket);
    for (const message of ['hello', '你好', 'x'.repeat(100_000)]) {
      socket.send(message);
      expect((await received(socket)).toString()).toBe(message);
    }
    expect(echo.handshakes[0]).toMatchObject({
      url: '/v1/realtime?model=m',
      headers: { authorization: 'Bearer sk-ours', 'openai-beta': 'realtime=v1', 'user-agent': 'ai-gateway' },
    });
    expect(Object.keys(echo.handshakes[0]?.headers ?? {})).not.toContain('cookie');
    socket.close(1000);
    await closed(socket);
    await eventually(() => gateway.records.length === 1);
    const [record] = gateway.records;
    expect(record).toMatchObject({ provider: 'acme', upstreamId: 'u0', outcome: { kind: 'completed', status: 101 } });
    expect(record?.bytesIn).toBeGreaterThan(100_000);
    expect(record?.bytesOut).toBeGreaterThan(100_000);
    expect(gateway.inFlight()).toBe(0);
  });

  it('takes a key that a browser sends as a subprotocol, and keeps it', async () => {
    const secretHash = createHmac('sha256', KEY_PEPPER).update('vk_browser').digest('hex');
    const { echo, dial } = await setUpEcho({
      virtualKeys: [{ id: 'k', name: 'k', prefix: 'vk_', secretHash }],
    });
    const closedChannel = { 'x-channel-code': 'closed' };
    expect(await refused(dial(closedChannel, ['realtime']))).toBe(401);
    const socket = dial(closedChannel, ['realtime', 'openai-insecure-api-key.vk_browser']);
    await opened(socket);
    expect(socket.protocol).toBe('realtime');
    expect(JSON.stringify(echo.handshakes)).not.toContain('vk_browser');
    socket.terminate();
  });

  it('holds a slot until it closes', async () => {
    const { dial } = await setUpEcho({ policies: [policy('c', { kind: 'concurrency-limit', maxConcurrent: 1 })] });
    const first = dial();
    await opened(first);
    expect(await refused(dial())).toBe(429);
    first.close();
    await closed(first);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const second = dial();
    await opened(second);
    second.terminate();
  });

  it('closes the other side at once when one goes away', async () => {
    const { echo, gateway, dial } = await setUpEcho();
    const leaving = dial();
    await opened(leaving);
    await eventually(() => echo.clients.size === 1);
    const leftAt = performance.now();
    leaving.terminate();
    await eventually(() => echo.clients.size === 0);
    expect(performance.now() - leftAt).toBeLessThan(500);
    await eventually(() => gateway.inFlight() === 0);

    const staying = dial();
    await opened(staying);
    await eventually(() => echo.clients.size === 1);
    for (const client of echo.clients) client.terminate();
    expect(await closed(staying)).toBe(1006);
  });

  it('is closed when neither side has said anything for long, not while one of them talks', async () => {
    const idleMs = 400;
    const echo = await startEcho();
    const gateway = await startGateway(rulesWith([echo.url]), {}, { websocketIdleMs: idleMs });
    open.push(echo, gateway);
    const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/v1/realtime`, { headers: CHANNEL });
    await opened(socket);
    const openedAt = performance.now();
    const ended = closed(socket);
    let isOpen = true;
    void ended.then(() => {
      isOpen = false;
    });
    while (performance.now() - openedAt < 3 * idleMs && isOpen) {
      socket.send('still here');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(isOpen).toBe(true);
    expect(await ended).toBe(1001);
    await eventually(() => echo.clients.size === 0 && gateway.records.length === 1);
    expect(gateway.records[0]).toMatchObject({ outcome: { kind: 'completed', status: 101 } });
  });

  it('answers errors over HTTP: no namespace, another path, a provider that refuses or is gone', async () => {
    const { echo, gateway, dial } = await setUpEcho();
    expect(await refused(dial({}))).toBe(404);
    const elsewhere = new WebSocket(`${gateway.url.replace('http', 'ws')}/v1/chat/completions`, { headers: CHANNEL });
    expect(await refused(elsewhere)).toBe(501);
    const plain = await startUpstream(plainAnswer('no socket'));
    gateway.setRules(rulesWith([plain.url]));
    expect(await refused(dial())).toBe(502);
    await plain.close();
    expect(await refused(dial())).toBe(502);
    expect(echo.handshakes).toEqual([]);
    expect(gateway.inFlight()).toBe(0);
  });

  it('is not harmed by a client that breaks off during the handshake', async () => {
    const { gateway, dial } = await setUpEcho();
    const handshake = [
      'GET /v1/realtime HTTP/1.1',
      'host: x',
      'x-channel-code: test-channel',
      'connection: Upgrade',
      'upgrade: websocket',
      'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-version: 13',
    ];
    for (let client = 0; client < 10; client++) {
      const socket = connect(gateway.port, '127.0.0.1', () => {
        socket.write(`${handshake.join('\r\n')}\r\n\r\n`, () => setTimeout(() => socket.resetAndDestroy(), client));
      });
      socket.on('error', () => {});
    }
    await eventually(() => gateway.records.length === 10);
    expect(gateway.inFlight()).toBe(0);
    const after = dial();
    await opened(after);
    after.terminate();
  });
});

describe('files and their like', () => {
  it('are counted in bytes, and go to an upstream that works', async () => {
    const upstreams = await Promise.all([
      startUpstream((_request, response) => void response.writeHead(500).end()),
      startUpstream((_request, response) => void response.end('z'.repeat(5_000))),
    ]);
    const gateway = await startGateway(
      rulesWith(
        upstreams.map(({ url }) => url),
        {
          providers: [
            { id: 'p1', name: 'acme', models: ['m'], strategy: 'round_robin', routing: { ejection: { failures: 1 } } },
          ],
        },
      ),
    );
    open.push(...upstreams, gateway);
    const send = () =>
      fetch(`${gateway.url}/v1/batches`, { method: 'POST', headers: CHANNEL, body: 'y'.repeat(1_000) });
    expect((await send()).status).toBe(500);
    for (let request = 0; request < 4; request++) expect((await (await send()).text()).length).toBe(5_000);
    expect(upstreams[0]?.seen.length).toBe(1);
    await eventually(() => gateway.records.length === 5);
    expect(gateway.records[4]).toMatchObject({ bytesIn: 1_000, bytesOut: 5_000, upstreamId: 'u1' });
  });

  const secret = 'sk-ours';
  const providerKey = (id: string, priority = 1) => ({
    id,
    providerId: 'p1',
    name: id,
    priority,
    lastFour: '',
    sealed: { masterKeyId: 'k', dataKey: 'A'.repeat(80), ciphertext: 'QQ==' },
  });

  it.each([
    ['openai', '', '/v1/files?purpose=batch', { authorization: `Bearer ${secret}` }],
    ['azure-openai', '', '/openai/files?api-version=2024-10-21&purpose=batch', { 'api-key': secret }],
    ['azure-openai', '?api-version=7', '/openai/files?api-version=7&purpose=batch', { 'api-key': secret }],
    ['azure-openai', '/openai/v1', '/openai/v1/files?purpose=batch', { 'api-key': secret }],
    ['anthropic', '', '/v1/files?purpose=batch', { 'x-api-key': secret, 'anthropic-version': '2023-06-01' }],
    ['gemini', '', '/v1beta/files?purpose=batch', { 'x-goog-api-key': secret }],
    ['dashscope', '', '/api/v1/files?purpose=batch', { authorization: `Bearer ${secret}` }],
  ])('reach %s (base %s) at %s, with the key as it wants it', async (dialect, base, path, headers) => {
    const upstream = await startUpstream((_request, response) => void response.end('{}'));
    const gateway = await startGateway(
      rulesWith([upstream.url + base], {
        providers: [{ id: 'p1', name: 'acme', dialect, models: ['m'] }],
        providerKeys: [providerKey('first')],
      }),
      { first: secret },
    );
    open.push(upstream, gateway);
    const theirs = { authorization: 'Bearer theirs', 'x-api-key': 'theirs', 'api-key': 'theirs' };
    await fetch(`${gateway.url}/v1/files?purpose=batch`, { headers: { ...CHANNEL, ...theirs } });
    const [seen] = upstream.seen;
    expect(seen?.path).toBe(path);
    expect(seen?.headers).toMatchObject(headers);
    expect(JSON.stringify(seen?.headers)).not.toContain('theirs');
    expect(JSON.stringify(seen?.headers).split(secret)).toHaveLength(2);
  });

  it.each([
    [401, 502, null],
    [402, 502, null],
    [429, 429, '9'],
  ])('leave a key alone that is refused with %i', async (status, answered, wait) => {
    const upstream = await startUpstream((request, response) => {
      if (request.headers.authorization === 'Bearer sk-second') response.end('ok');
      else response.writeHead(status, { 'retry-after': '9' }).end(`no: ${request.headers.authorization}`);
    });
    const gateway = await startGateway(
      rulesWith([upstream.url], {
        providers: [{ id: 'p1', name: 'acme', models: ['m'] }],
        providerKeys: [providerKey('first'), providerKey('second', 2)],
      }),
      { first: secret, second: 'sk-second' },
    );
    open.push(upstream, gateway);
    const send = () => fetch(`${gateway.url}/v1/files`, { headers: CHANNEL });
    const refusal = await send();
    expect([refusal.status, refusal.headers.get('retry-after')]).toEqual([answered, wait]);
    // A key that is not known must not be shown to whoever happens to ask.
    if (answered === 502) expect(await refusal.text()).not.toContain(secret);
    for (let request = 0; request < 2; request++) expect((await send()).status).toBe(200);
    expect((await gateway.chat(ask())).headers.get('x-request-id')).toBeTruthy();
    expect(upstream.seen.map(({ headers }) => headers.authorization)).toEqual([
      `Bearer ${secret}`,
      ...Array(3).fill('Bearer sk-second'),
    ]);
  });

  it('give up a provider that is silent', async () => {
    const upstream = await startUpstream(() => new Promise<void>(() => {}));
    const upstreams = [{ id: 'u0', providerId: 'p1', baseUrl: upstream.url, firstByteTimeoutMs: 100 }];
    const gateway = await startGateway(rulesWith([], { upstreams }));
    open.push(upstream, gateway);
    expect((await fetch(`${gateway.url}/v1/files`, { headers: CHANNEL })).status).toBe(504);
    await eventually(() => upstream.open() === 0);
  });
});

it('no route connects to an address that is not allowed, whatever the name says', async () => {
  const upstream = await startUpstream(plainAnswer('secret'));
  const port = new URL(upstream.url).port;
  const guard = connectGuard({
    allowPrivate: false,
    ports: 'any',
    resolve: (_host, _options, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }]),
  });
  open.push(upstream);
  for (const url of [
    `https://provider.example:${port}`,
    `https://127.0.0.1:${port}`,
    `http://provider.example:${port}`,
  ]) {
    const gateway = await startGateway(rulesWith([url]), {}, { guard });
    expect((await gateway.chat(ask())).status, url).toBe(502);
    expect((await fetch(`${gateway.url}/v1/files`, { headers: CHANNEL })).status, url).toBe(502);
    const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/v1/realtime`, { headers: CHANNEL });
    expect(await refused(socket), url).toBe(502);
    await gateway.close();
  }
  expect(upstream.seen).toEqual([]);
});
