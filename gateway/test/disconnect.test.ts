import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ask,
  contentEvent,
  DONE,
  eventually,
  FINISH,
  policy,
  rulesWith,
  startGateway,
  startUpstream,
} from './support/test-gateway.ts';
import { toyCount } from './support/toy-tokenizer.ts';

/**
 * A client leaves at byte k. What it has read nobody but the client knows; what the gateway knows is what it has handed
 * to the client's socket: of a stream, the events that had come whole among the first k bytes of the provider's answer.
 * The provider falls silent after k bytes and the client leaves when it has read all that came of them, so that all
 * three agree on k and the tokens can be compared exactly.
 */
const TEXTS = ['Hello', ' there', ', you', ' are read', 'ing 你好', ' slowly'];
const EVENTS = TEXTS.map(contentEvent);
const WIRE = Buffer.from(EVENTS.join('') + FINISH + DONE);
const CHANNEL = { 'x-channel-code': 'test-channel' };

/** Shares no divisor with the length of an event, so that events are cut in all places. */
const STEP = 13;

let upstream: Awaited<ReturnType<typeof startUpstream>>;
let gateway: Awaited<ReturnType<typeof startGateway>>;
let upstreamClosedAt: number[];

beforeAll(async () => {
  upstream = await startUpstream(() => {});
  gateway = await startGateway(
    rulesWith([upstream.url], {
      policies: [policy('w', { kind: 'token-limit', windows: [{ windowSeconds: 3600, maxTokens: 1_000_000 }] })],
    }),
  );
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

/** Sends so many bytes of an answer and then nothing, until it is closed. */
function playBytes(type: string, bytes: Buffer, length?: number): Promise<void> {
  upstreamClosedAt = [];
  return new Promise((resolve) => {
    upstream.play((_request, response) => {
      response.on('close', () => upstreamClosedAt.push(performance.now()));
      response.writeHead(200, { 'content-type': type, ...(length !== undefined && { 'content-length': length }) });
      response.flushHeaders();
      if (bytes.length === 0) resolve();
      else response.write(bytes, () => resolve());
    });
  });
}

/** Leaves, and tells after how many ms the provider's side was closed. */
async function leave(leaving: AbortController): Promise<number> {
  const leftAt = performance.now();
  leaving.abort();
  await eventually(() => upstreamClosedAt.length > 0);
  return (upstreamClosedAt[0] ?? 0) - leftAt;
}

async function readUntil(response: Response, isEnough: (bytes: Buffer) => boolean): Promise<Buffer> {
  const reader = response.body?.getReader();
  let read = Buffer.alloc(0);
  while (!isEnough(read)) {
    const { value, done } = (await reader?.read()) ?? { done: true };
    if (done) throw new Error(`it ended after ${read.length} bytes`);
    read = Buffer.concat([read, value ?? new Uint8Array()]);
  }
  return read;
}

/** The closing times of a test, for people: a machine that is busy is no fault. */
function report(what: string, times: readonly number[]): void {
  const sorted = times.toSorted((left, right) => left - right);
  const [median = 0, max = 0] = [sorted[sorted.length >> 1], sorted.at(-1)];
  console.log(
    `${what}: upstream closed after ${median.toFixed(1)} ms (median), ${max.toFixed(1)} ms (max of ${times.length})`,
  );
  expect(median).toBeLessThan(1_000);
}

describe('a client that leaves at byte k', () => {
  it('of a stream pays for the tokens of all events that had come whole, no more and no less', async () => {
    const times: number[] = [];
    let settled = 0;
    for (let k = 0; k < WIRE.length; k += STEP) {
      const whole = WIRE.subarray(0, k).toString().split('\n\n').length - 1;
      const texts = TEXTS.slice(0, whole);
      const silent = playBytes('text/event-stream', WIRE.subarray(0, k));
      const leaving = new AbortController();
      const answer = gateway.chat(ask({ stream: true }), {}, leaving.signal);
      const isGone = answer.catch(() => undefined);
      await silent;
      const last = EVENTS[texts.length - 1];
      if (last !== undefined) {
        const needle = last.trimEnd();
        const read = await readUntil(await answer, (bytes) => bytes.includes(needle));
        expect(read.toString().split('"content":').length - 1).toBe(texts.length);
      }
      times.push(await leave(leaving));
      await isGone;
      const tokens = toyCount(texts.join(''));
      settled += 1 + tokens;
      await eventually(() => gateway.inFlight() === 0);
      expect(gateway.records.at(-1)?.outcome, `k = ${k}`).toMatchObject({
        kind: 'client_left',
        status: 499,
        usage: { inputTokens: 1, outputTokens: tokens, source: 'counted' },
      });
    }
    expect(gateway.records).toHaveLength(Math.ceil(WIRE.length / STEP));
    expect((await gateway.limits())[0]?.current).toBe(settled);
    report('chat', times);
  });

  it.each([1, 1_000, 65_536, 1_000_000])('of a file that is passed through has its %i bytes counted', async (k) => {
    const times: number[] = [];
    for (let repeat = 0; repeat < 5; repeat++) {
      const silent = playBytes('application/octet-stream', Buffer.alloc(k, 'z'), k + 10);
      const leaving = new AbortController();
      const init = { method: 'POST', headers: CHANNEL, body: 'speak', signal: leaving.signal };
      const response = await fetch(`${gateway.url}/v1/audio/speech`, init);
      await readUntil(response, (bytes) => bytes.length === k);
      await silent;
      times.push(await leave(leaving));
      await eventually(() => gateway.inFlight() === 0);
      expect(gateway.records.at(-1)).toMatchObject({
        outcome: { kind: 'client_left', status: 499 },
        bytesIn: 5,
        bytesOut: k,
        attempts: 1,
      });
    }
    report(`http-proxy, ${k} bytes`, times);
  });

  it('of its own upload, or before there is an answer, closes the provider too', async () => {
    for (const [announced, sent] of [
      [1_000_000, 70_000],
      [4, 4],
    ] as const) {
      let received = 0;
      const closed = new Promise<number>((resolve) => {
        upstream.play(() => {});
        upstream.onRequest((request) => {
          request.on('data', (chunk: Buffer) => {
            received += chunk.length;
          });
          request.socket.once('close', () => resolve(performance.now()));
        });
      });
      const options = { method: 'POST', headers: { ...CHANNEL, 'content-length': announced } };
      const upload = httpRequest(`${gateway.url}/v1/files`, options);
      upload.on('error', () => {}).write(Buffer.alloc(sent));
      await eventually(() => received === sent);
      const leftAt = performance.now();
      upload.destroy();
      report(`an upload of ${sent} of ${announced} bytes`, [(await closed) - leftAt]);
      await eventually(() => gateway.inFlight() === 0);
      expect(gateway.records.at(-1)).toMatchObject({ outcome: { kind: 'client_left' }, bytesIn: sent });
    }
  });
});
