import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainAnswer, rulesWith, sendRaw, startGateway, startUpstream } from './support/test-gateway.ts';

let upstream: Awaited<ReturnType<typeof startUpstream>>;
let gateway: Awaited<ReturnType<typeof startGateway>>;

beforeAll(async () => {
  upstream = await startUpstream(plainAnswer('ok'));
  const policies = [
    {
      id: 'q',
      namespaceId: 'n1',
      name: 'q',
      rule: { kind: 'qps-limit', maxQps: 1_000, windowSeconds: 60, algorithm: 'strict' },
    },
    { id: 'c', namespaceId: 'n1', name: 'c', rule: { kind: 'concurrency-limit', maxConcurrent: 5 } },
    {
      id: 't',
      namespaceId: 'n1',
      name: 't',
      rule: { kind: 'token-limit', windows: [{ windowSeconds: 3600, maxTokens: 1_000_000 }] },
    },
  ];
  gateway = await startGateway(rulesWith([upstream.url], { policies }));
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const GOOD = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
const good = (more: object) => JSON.stringify({ ...GOOD, ...more });

/** Checks status and shape of an error, that nothing was consumed and that no provider was bothered. */
async function expectRefused(answer: Promise<Response>, status: number, code: string): Promise<void> {
  const before = await gateway.limits();
  const seen = upstream.seen.length;
  const response = await answer;
  const body = (await response.json()) as { error: Record<string, unknown> };
  expect({ status: response.status, code: body.error.code }).toEqual({ status, code });
  expect(Object.keys(body.error).sort()).toEqual(['code', 'message', 'param', 'request_id', 'type']);
  expect(response.headers.get('x-request-id')).toBe(body.error.request_id);
  expect(await gateway.limits()).toEqual(before);
  expect(upstream.seen).toHaveLength(seen);
  expect(gateway.inFlight()).toBe(0);
}

describe('bodies', () => {
  it.each([
    ['nothing', '', 400, 'invalid_json'],
    ['no JSON', 'hello', 400, 'invalid_json'],
    ['half a JSON', '{"model":"m","messages":[', 400, 'invalid_json'],
    ['a byte order mark', `\ufeff\ufeff${good({})}`, 400, 'invalid_json'],
    ['an array', '[]', 400, 'invalid_request'],
    ['null', 'null', 400, 'invalid_request'],
    ['no model', '{"messages":[{"role":"user","content":"x"}]}', 400, 'invalid_request'],
    ['a model of the wrong type', good({ model: 7 }), 400, 'invalid_request'],
    ['a model with a line break', good({ model: 'm\r\nx: y' }), 400, 'invalid_request'],
    ['no messages', '{"model":"m"}', 400, 'invalid_request'],
    ['empty messages', good({ messages: [] }), 400, 'invalid_request'],
    ['messages of the wrong type', good({ messages: 'hi' }), 400, 'invalid_request'],
    ['a message without a role', good({ messages: [{ content: 'x' }] }), 400, 'invalid_request'],
    [
      '2,049 messages',
      good({ messages: Array.from({ length: 2_049 }, () => ({ role: 'user' })) }),
      400,
      'invalid_request',
    ],
    ['stream of the wrong type', good({ stream: 'yes' }), 400, 'invalid_request'],
    ['n of 9', good({ n: 9 }), 400, 'invalid_request'],
    ['129 tools', good({ tools: Array.from({ length: 129 }, () => ({})) }), 400, 'invalid_request'],
    ['an unknown model', good({ model: 'nobody-serves-this' }), 404, 'model_not_found'],
    ['a known provider with an unknown model', good({ model: 'acme/none' }), 404, 'model_not_found'],
    [
      '7,000 levels of nesting',
      `{"model":"m","messages":${'['.repeat(7_000)}${']'.repeat(7_000)}}`,
      400,
      'invalid_json',
    ],
    [
      'max_tokens twice',
      '{"model":"m","max_tokens":1,"messages":[{"role":"user"}],"max_tokens":999}',
      400,
      'invalid_json',
    ],
    ['model twice, once escaped', '{"model":"m","mo\\u0064el":"x","messages":[{"role":"user"}]}', 400, 'invalid_json'],
    ['a body over the limit', good({ padding: 'x'.repeat(70_000) }), 413, 'request_too_large'],
  ])('%s: %s', async (_name, body, status, code) => {
    await expectRefused(gateway.chat(body), status as number, code as string);
  });

  it.each(['-1', '0', '1.5', '1e400', '-1e400', '9007199254740993', '2147483648', '"100"', 'true', '[]', '{}'])(
    'max_tokens %s',
    async (value) => {
      const body = `{"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":${value}}`;
      await expectRefused(gateway.chat(body), 400, 'invalid_max_tokens');
      await expectRefused(gateway.chat(body.replace('max_tokens', 'max_completion_tokens')), 400, 'invalid_max_tokens');
    },
  );

  it('max_tokens null counts as absent, and of two maxima the smaller counts', async () => {
    expect((await gateway.chat(good({ max_tokens: null }))).status).toBe(200);
    expect((await gateway.chat(good({ max_tokens: 9, max_completion_tokens: 5 }))).status).toBe(200);
    expect(JSON.parse(upstream.seen.at(-1)?.body ?? '')).toMatchObject({ max_completion_tokens: 5 });
    expect(JSON.parse(upstream.seen.at(-1)?.body ?? '')).not.toHaveProperty('max_tokens');
  });

  it('max_tokens that no window can admit', async () => {
    await expectRefused(gateway.chat(good({ max_tokens: 2_000_000 })), 400, 'tokens_exceed_limit');
  });

  it('__proto__ is dropped and touches nothing', async () => {
    const body =
      '{"model":"m","messages":[{"role":"user","content":"x"}],"__proto__":{"stream":true},"constructor":{"prototype":1}}';
    expect((await gateway.chat(body)).status).toBe(200);
    expect(upstream.seen.at(-1)?.body).not.toContain('__proto__');
    expect(({} as Record<string, unknown>).stream).toBeUndefined();
  });

  it('invalid UTF-8', async () => {
    const answer = fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-channel-code': 'test-channel' },
      body: Buffer.concat([Buffer.from('{"model":"m\xff'), Buffer.from([0xff]), Buffer.from('"}')]),
    });
    await expectRefused(answer, 400, 'invalid_json');
  });

  it('of another type, or compressed', async () => {
    await expectRefused(gateway.chat(good({}), { 'content-type': 'text/plain' }), 415, 'unsupported_media_type');
    await expectRefused(gateway.chat(good({}), { 'content-encoding': 'gzip' }), 415, 'unsupported_media_type');
  });
});

describe('namespaces', () => {
  it('none, unknown or disabled', async () => {
    await expectRefused(gateway.chat(good({}), { 'x-channel-code': '' }), 404, 'namespace_not_found');
    await expectRefused(gateway.chat(good({}), { 'x-channel-code': 'unknown' }), 404, 'namespace_not_found');
    await expectRefused(gateway.chat(good({}), { 'x-channel-code': 'disabled' }), 403, 'namespace_disabled');
    await expectRefused(gateway.chat(good({}), { 'x-channel-code': 'closed' }), 401, 'invalid_api_key');
  });
});

describe('raw HTTP', () => {
  const body = JSON.stringify(GOOD);
  const head = (lines: readonly string[], target = 'POST /v1/chat/completions HTTP/1.1') =>
    `${[target, 'host: gateway', 'content-type: application/json', `content-length: ${body.length}`, 'connection: close', ...lines].join('\r\n')}\r\n\r\n${body}`;
  const channel = 'x-channel-code: test-channel';

  it.each([
    ['two Host headers', head([channel, 'host: evil']), 400, 'invalid_request'],
    [
      'two Authorization headers',
      head([channel, 'authorization: Bearer a', 'authorization: Bearer b']),
      400,
      'invalid_request',
    ],
    ['two of a header that rules read', head([channel, 'x-channel-code: closed']), 400, 'invalid_request'],
    [
      'an absolute-form target',
      head([channel], 'POST http://evil/v1/chat/completions HTTP/1.1'),
      400,
      'invalid_request',
    ],
    ['an encoded slash', head([channel], 'POST /v1%2fchat/completions HTTP/1.1'), 400, 'invalid_request'],
    ['dot segments', head([channel], 'POST /v1/../v1/chat/completions HTTP/1.1'), 400, 'invalid_request'],
    ['encoded dots', head([channel], 'POST /v1/%2e%2e/chat HTTP/1.1'), 400, 'invalid_request'],
    ['a double slash', head([channel], 'POST //v1/chat/completions HTTP/1.1'), 400, 'invalid_request'],
    [
      'more than 100 headers',
      head([...Array.from({ length: 110 }, (_, at) => `x-pad-${at}: 1`), channel]),
      431,
      'request_headers_too_large',
    ],
    [
      '2,100 headers before the one that matters',
      head([...Array.from({ length: 2_100 }, (_, at) => `p${at}: 1`), channel]),
      431,
      'request_headers_too_large',
    ],
    ['20 kB of headers', head([`x-pad: ${'x'.repeat(20_000)}`, channel]), 431, 'request_headers_too_large'],
    ['both content-length and chunked', head([channel, 'transfer-encoding: chunked']), 400, 'invalid_request'],
    [
      'a negative content-length',
      `POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\ncontent-length: -1\r\n\r\n`,
      400,
      'invalid_request',
    ],
    ['no HTTP at all', 'hello\r\n\r\n', 400, 'invalid_request'],
    ['CONNECT', 'CONNECT evil:443 HTTP/1.1\r\nhost: evil\r\n\r\n', 405, 'method_not_allowed'],
    ['TRACE', 'TRACE /v1/chat/completions HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\r\n', 405, 'method_not_allowed'],
    [
      'GET on the chat route',
      'GET /v1/chat/completions HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\r\n',
      405,
      'method_not_allowed',
    ],
    ['an unknown path', 'GET /nonsense HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\r\n', 404, 'not_found'],
    [
      'an upgrade',
      head([channel, 'upgrade: websocket', 'sec-websocket-key: x', 'sec-websocket-version: 13']).replace(
        'connection: close',
        'connection: upgrade',
      ),
      501,
      'upgrade_not_supported',
    ],
    [
      'a content-length over the limit',
      `POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\n${channel}\r\ncontent-length: 999999999\r\n\r\n{`,
      413,
      'request_too_large',
    ],
  ])('%s', async (_name, text, status, code) => {
    const before = await gateway.limits();
    const seen = upstream.seen.length;
    const answer = await sendRaw(gateway.port, text as string);
    expect(answer.split('\r\n')[0]).toContain(String(status));
    expect(JSON.parse(answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1))).toMatchObject({
      error: { code },
    });
    expect(await gateway.limits()).toEqual(before);
    expect(upstream.seen).toHaveLength(seen);
  });

  it('an endless chunked body is cut off at the limit and the connection closed', async () => {
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(gateway.port, '127.0.0.1');
      let received = '';
      socket.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\n${channel}\r\ntransfer-encoding: chunked\r\n\r\n`);
      const timer = setInterval(() => socket.write(`4000\r\n${'x'.repeat(0x4000)}\r\n`), 2);
      socket.on('data', (chunk) => {
        received += chunk.toString();
      });
      const done = () => {
        clearInterval(timer);
        resolve(received);
      };
      socket.on('close', done).on('error', done);
    });
    expect(answer).toContain('413');
    expect(answer.toLowerCase()).toContain('connection: close');
  });

  it('Expect: 100-continue is answered after the size is known', async () => {
    const small = await sendRaw(gateway.port, head([channel, 'expect: 100-continue']));
    expect(small).toContain('100 Continue');
    expect(small).toContain('200 OK');
    const large = await sendRaw(
      gateway.port,
      `POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\n${channel}\r\ncontent-length: 99999999\r\nexpect: 100-continue\r\n\r\n`,
    );
    expect(large).not.toContain('100 Continue');
    expect(large).toContain('413');
  });

  it('two pipelined requests are answered in order', async () => {
    const request = head([channel]).replace('connection: close', 'x-request-id: first');
    const answers = await sendRaw(gateway.port, request + request.replace('first', 'second'));
    expect(answers.indexOf('x-request-id: first')).toBeGreaterThan(0);
    expect(answers.indexOf('x-request-id: second')).toBeGreaterThan(answers.indexOf('x-request-id: first'));
  });

  it('a client that breaks off in its body leaves nothing behind', async () => {
    const text = head([channel]).slice(0, -20);
    await new Promise<void>((resolve) => {
      const socket = connect(gateway.port, '127.0.0.1', () => {
        socket.write(text, () => setTimeout(() => socket.destroy(), 30));
      });
      socket.on('close', () => resolve());
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(gateway.inFlight()).toBe(0);
  });
});

it('still serves after all of this', async () => {
  expect((await gateway.chat(good({}))).status).toBe(200);
});
