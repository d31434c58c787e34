import type { ServerResponse } from 'node:http';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  contentEvent,
  DONE,
  eventually,
  FINISH,
  policy,
  rulesWith,
  startGateway,
  startUpstream,
} from './support/test-gateway.ts';

/** What providers send that they should not, and what becomes of it: the cases S1 to S16 of streams and plain answers. */

const HI = contentEvent('Hi 👩‍👧');
const GOOD = HI + FINISH + DONE;
const usage = (value: string) => `data: {"id":"c","choices":[],"usage":${value}}\n\n`;
const SSE = { 'content-type': 'text/event-stream' };
const JSON_TYPE = { 'content-type': 'application/json' };
const halves = (bytes: Buffer) => [...bytes].map((byte) => Buffer.from([byte]));

interface Fixture {
  readonly form: 'stream' | 'plain';
  readonly headers: Record<string, string>;
  readonly parts: readonly (string | Buffer)[];
  readonly ends?: 'cleanly' | 'by destroying' | 'never';
  /** Of the answer that reaches the client. */
  readonly status: number;
  readonly outcome: string;
  /** Is the text delivered, and is an error told? */
  readonly text: 'whole' | 'none';
  readonly error: 'told' | 'none';
}

const fine = { form: 'stream', headers: SSE, status: 200, outcome: 'completed', text: 'whole', error: 'none' } as const;
const broken = { form: 'stream', headers: SSE, status: 200, outcome: 'partial', text: 'whole', error: 'told' } as const;
const failed = {
  form: 'plain',
  headers: JSON_TYPE,
  status: 502,
  outcome: 'upstream_failed',
  text: 'none',
  error: 'told',
} as const;

const FIXTURES: Record<string, Fixture> = {
  'dies in the middle, chunked': { ...broken, parts: [HI], ends: 'by destroying' },
  'dies in the middle of a stated length': {
    ...broken,
    headers: { ...SSE, 'content-length': '9999' },
    parts: [HI],
    ends: 'by destroying',
  },
  'ends cleanly without [DONE] but finished': { ...fine, parts: [HI, FINISH] },
  'ends cleanly unfinished': { ...broken, parts: [HI] },
  'ends unfinished in the middle of an event': { ...broken, parts: [HI, 'data: {"choi'] },
  'lacks the last blank line': { ...fine, parts: [HI, FINISH, 'data: [DONE]'] },
  'is torn into single bytes': { ...fine, parts: halves(Buffer.from(GOOD)) },
  'has CR line ends': { ...fine, parts: [GOOD.replaceAll('\n', '\r')] },
  'has CRLF line ends torn apart': { ...fine, parts: halves(Buffer.from(GOOD.replaceAll('\n', '\r\n'))) },
  'begins with a byte order mark': { ...fine, parts: [`\ufeff${GOOD}`] },
  'has comments, ids, names and unknown fields': { ...fine, parts: [`: hello\n\nid: 1\nevent: x\nfoo: bar\n${GOOD}`] },
  'has data over several lines': { ...fine, parts: [HI.replace(',"choices"', ',\ndata: "choices"'), FINISH, DONE] },
  'has data without a space': { ...fine, parts: [GOOD.replaceAll('data: ', 'data:')] },
  'has an event that is no JSON': { ...fine, parts: ['data: oops\n\n', GOOD] },
  'has JSON that is no chunk': { ...fine, parts: ['data: [1]\n\ndata: null\n\ndata: {"choices":7}\n\n', GOOD] },
  'has choices that are no objects': { ...fine, parts: ['data: {"choices":[null,3]}\n\n', GOOD] },
  'has no end to an event': {
    ...broken,
    parts: [HI, 'data: ', ...Array.from({ length: 20 }, () => 'x'.repeat(65_536))],
  },
  'reports a nonsense usage': {
    ...fine,
    parts: [HI, FINISH, usage('{"prompt_tokens":-1,"completion_tokens":1e308}'), DONE],
  },
  'reports usage of null and text': {
    ...fine,
    parts: [usage('null'), HI, FINISH, usage('{"prompt_tokens":"5"}'), DONE],
  },
  'tells of an error in the stream': { ...broken, parts: [HI, 'data: {"error":{"message":"overheated"}}\n\n'] },
  'is compressed although nobody asked': {
    ...fine,
    headers: { ...SSE, 'content-encoding': 'gzip' },
    parts: [gzipSync(GOOD)],
  },
  'is compressed with brotli': {
    ...fine,
    headers: { ...SSE, 'content-encoding': 'br' },
    parts: [brotliCompressSync(GOOD)],
  },
  'says it is compressed and is not': {
    ...broken,
    headers: { ...SSE, 'content-encoding': 'gzip' },
    parts: [GOOD],
    text: 'none',
  },
  'goes on after [DONE]': { ...fine, parts: [GOOD, contentEvent('more')] },
  'answers JSON to a stream': { ...failed, form: 'stream', parts: ['{"choices":[]}'] },
  'answers HTML to a stream': {
    ...failed,
    form: 'stream',
    headers: { 'content-type': 'text/html' },
    parts: ['<html>'],
  },
  'answers a stream to a plain request': { ...failed, headers: SSE, parts: [GOOD], ends: 'never' },
  'answers torn JSON': { ...failed, parts: ['{"choices":[{'] },
  'answers a list': { ...failed, parts: ['[]'] },
  'answers nothing': { ...failed, parts: [] },
  'dies in a plain answer': {
    ...failed,
    headers: { ...JSON_TYPE, 'content-length': '999' },
    parts: ['{"choi'],
    ends: 'by destroying',
  },
};

let fixture: Fixture;
let upstream: Awaited<ReturnType<typeof startUpstream>>;
let gateway: Awaited<ReturnType<typeof startGateway>>;
const policies = [policy('c', { kind: 'concurrency-limit', maxConcurrent: 3 })];

beforeAll(async () => {
  upstream = await startUpstream((_request, response) => play(response));
  gateway = await startGateway(rulesWith([upstream.url], { policies }));
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

async function play(response: ServerResponse): Promise<void> {
  const { headers, parts, ends = 'cleanly' } = fixture;
  response.writeHead(200, headers).flushHeaders();
  for (const part of parts) {
    if (response.destroyed) return;
    response.write(part);
  }
  if (ends === 'cleanly') response.end();
  if (ends === 'by destroying') setTimeout(() => response.destroy(), 20);
}

function send(path: string, body: object): Promise<Response> {
  return fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-channel-code': 'test-channel' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...body }),
  });
}

/** Clients of both protocols: bytes that pass, and events that are translated. */
describe.each([
  ['/v1/chat/completions', {}, /data: ?\[DONE\]/],
  ['/v1/messages', { max_tokens: 1000 }, /message_stop/],
])('on %s a provider that', (path, more, mark) => {
  it.each(Object.keys(FIXTURES))('%s', async (name) => {
    fixture = FIXTURES[name] as Fixture;
    const response = await send(path, { ...more, stream: fixture.form === 'stream' });
    const text = await response.text();
    expect(response.status).toBe(fixture.status);
    expect(text.includes('Hi 👩‍👧')).toBe(fixture.text === 'whole');
    expect(text.includes('"upstream_error"')).toBe(fixture.error === 'told');
    expect(mark.test(text)).toBe(fixture.outcome === 'completed');
    expect(text).not.toContain('more');
    expect(response.headers.get('content-encoding')).toBeNull();
    await eventually(() => gateway.inFlight() === 0 && upstream.open() === 0);
    expect(gateway.records.at(-1)?.outcome.kind).toBe(fixture.outcome);
    expect((await gateway.limits())[0]?.current).toBe(0);
  });
});

/** The same for what Anthropic sends. */
it.each([
  ['an event that is no JSON', 'event: content_block_delta\ndata: oops\n\n'],
  ['an end before its beginning', 'event: message_stop\ndata: {"type":"message_stop"}\n\n'],
  [
    'an event of an unknown type and the end of the stream',
    'event: new\ndata: {"type":"new","index":"x","delta":7}\n\n',
  ],
  ['an error without words', 'event: error\ndata: {"type":"error"}\n\n'],
])('a provider of messages that sends %s is not believed to be done', async (_name, event) => {
  fixture = { ...broken, parts: [event], text: 'none' };
  const providers = [{ id: 'p1', name: 'acme', models: ['m'], dialect: 'anthropic' }];
  gateway.setRules(rulesWith([upstream.url], { policies, providers }));
  const text = await (await send('/v1/chat/completions', { stream: true })).text();
  expect(text).toContain('"upstream_error"');
  expect(text).not.toContain('[DONE]');
  await eventually(() => gateway.inFlight() === 0 && upstream.open() === 0);
  expect(gateway.records.at(-1)?.outcome.kind).toBe('partial');
});

it('keeps a silent stream alive with comments between whole events', async () => {
  const slow = await startUpstream(async (_request, response) => {
    response.writeHead(200, SSE);
    response.write(HI + FINISH.slice(0, 20));
    await new Promise((resolve) => setTimeout(resolve, 150));
    response.end(FINISH.slice(20) + DONE);
  });
  const patient = await startGateway(rulesWith([slow.url]), {}, { heartbeatMs: 30 });
  try {
    const response = await patient.chat({ model: 'm', stream: true, messages: [{ role: 'user', content: 'hi' }] });
    const text = await response.text();
    expect(text).toContain(': ping\n\n');
    expect(text.replaceAll(': ping\n\n', '')).toBe(GOOD);
  } finally {
    await patient.close();
    await slow.close();
  }
});
