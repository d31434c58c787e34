import { afterEach, describe, expect, it } from 'vitest';
import { httpTokenCounter } from '../src/adapters/http-token-counter.ts';
import { vocabularyFeed } from '../src/adapters/vocabulary-feed.ts';
import { vocabularyTokenCounter } from '../src/adapters/vocabulary-token-counter.ts';
import {
  ask,
  contentEvent,
  DONE,
  eventually,
  FINISH,
  plainAnswer,
  policy,
  rulesWith,
  type Script,
  startGateway,
  startUpstream,
  streamAnswer,
} from './support/test-gateway.ts';
import { startTokenService } from './support/token-service.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function setUp(script: Script, parts: Parameters<typeof startGateway>[2], policies: readonly object[] = []) {
  const upstream = await startUpstream(script);
  const gateway = await startGateway(rulesWith([upstream.url], { policies }), {}, parts);
  closers.push(upstream.close, gateway.close);
  return { upstream, gateway };
}

const usageEvent = (inputTokens: number, outputTokens: number, details: object = {}) =>
  `data: ${JSON.stringify({ id: 'c', choices: [], usage: { prompt_tokens: inputTokens, completion_tokens: outputTokens, ...details } })}\n\n`;

/** A stream of 150 tokens of the toy vocabulary whose usage says what it is told to. */
const stream = (usage: string, parts: readonly string[] = [contentEvent('abcd'.repeat(150))]) =>
  streamAnswer([...parts, FINISH, usage, DONE]);

const capped = policy('cap', { kind: 'token-limit', maxOutputTokens: 10_000 });

/** Time in which a comparison would have been made. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 50));

describe('counts beside reported usage', () => {
  it('a stream whose provider reports more than it delivered is seen', async () => {
    const { gateway } = await setUp(stream(usageEvent(1, 300)), { outputShare: 1 });
    await (await gateway.chat(ask({ stream: true }))).text();
    await eventually(() => gateway.comparisons.length > 0);
    expect(gateway.comparisons).toEqual([
      { label: 'm', direction: 'output', counted: 150, reported: 300, exact: true, ratio: 1 },
    ]);
    expect(gateway.observations).toEqual([{ model: 'm', direction: 'output', counted: 150, reported: 300, ratio: 1 }]);
  });

  it('the input is compared whenever it was counted, and only then', async () => {
    const { gateway } = await setUp(stream(usageEvent(4, 150)), { outputShare: 0 }, [capped]);
    await (await gateway.chat(ask({ stream: true }))).text();
    await eventually(() => gateway.comparisons.length > 0);
    expect(gateway.comparisons).toEqual([
      { label: 'm', direction: 'input', counted: 1, reported: 4, exact: true, ratio: 1 },
    ]);

    const { gateway: uncounted } = await setUp(stream(usageEvent(4, 150)), { outputShare: 0 });
    await (await uncounted.chat(ask({ stream: true }))).text();
    await pause();
    expect(uncounted.comparisons).toEqual([]);
  });

  it('a plain answer is compared too, under a bounded label', async () => {
    const usage = { prompt_tokens: 1, completion_tokens: 150, total_tokens: 151 };
    const { gateway } = await setUp(plainAnswer('abcd'.repeat(150), usage), { outputShare: 1 }, [capped]);
    await (await gateway.chat(ask({ model: 'gpt-of-a-client' }))).text();
    await eventually(() => gateway.comparisons.length === 2);
    expect(gateway.comparisons.map(({ label, counted, reported }) => [label, counted, reported])).toEqual([
      ['other', 1, 1],
      ['other', 150, 150],
    ]);
    expect(gateway.observations.map(({ model }) => model)).toEqual(['gpt-of-a-client', 'gpt-of-a-client']);
  });

  it.each([
    [
      'reports reasoning that it does not show',
      stream(usageEvent(1, 300, { completion_tokens_details: { reasoning_tokens: 150 } })),
    ],
    [
      'shows reasoning',
      stream(usageEvent(1, 300), [
        'data: {"choices":[{"index":0,"delta":{"reasoning_content":"why"}}]}\n\n',
        contentEvent('abcd'.repeat(150)),
      ]),
    ],
    [
      'calls a tool',
      stream(usageEvent(1, 300), [
        'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{}"}}]}}]}\n\n',
      ]),
    ],
    ['reports no usage', streamAnswer([contentEvent('abcd'.repeat(150)), FINISH, DONE])],
    ['breaks off', streamAnswer([contentEvent('abcd'.repeat(150)), usageEvent(1, 300)])],
  ])('an answer that %s is not', async (_name, script) => {
    const { gateway } = await setUp(script, { outputShare: 1 });
    await (await gateway.chat(ask({ stream: true }))).text();
    await pause();
    expect(gateway.comparisons).toEqual([]);
  });

  it('nothing is learnt from a rule of thumb', async () => {
    const lenient = policy('cap', { kind: 'token-limit', maxOutputTokens: 10_000, counting: 'estimate' });
    const { gateway } = await setUp(stream(usageEvent(1, 300)), { outputShare: 1 }, [lenient]);
    gateway.tokens.isDown = true;
    await (await gateway.chat(ask({ stream: true }))).text();
    await pause();
    expect(gateway.comparisons).toEqual([]);
  });

  it('the client does not wait for it', async () => {
    let release = () => {};
    const waiting = new Promise<void>((resolve) => (release = resolve));
    const counter = {
      countChat: async () => ({ tokens: 1, exact: true }),
      tokensPerByte: () => 1,
      cut: async (_model: string, text: string) => {
        await waiting;
        const at = text.length;
        return { tokens: 150, cutAt: at, cutTokens: 150, finalAt: at, finalTokens: 150, exact: true };
      },
    };
    const { gateway } = await setUp(stream(usageEvent(1, 150)), { outputShare: 1, counter }, [capped]);
    await (await gateway.chat(ask({ stream: true }))).text();
    await eventually(() => gateway.records.length === 1);
    expect(gateway.comparisons.filter(({ direction }) => direction === 'output')).toEqual([]);
    release();
    await eventually(() => gateway.comparisons.length === 2);
  });
});

describe('a vocabulary that is here', () => {
  it('cuts a stream exactly although the token service goes away in the middle of it', async () => {
    const service = await startTokenService();
    const parts = { url: service.url, timeoutMs: 500, nowMs: () => performance.now() };
    const logged: string[] = [];
    const note = (_: unknown, message: string) => void logged.push(message);
    const http = httpTokenCounter(parts);
    const feed = vocabularyFeed({ ...parts, log: { info: note, warn: note } });
    closers.push(service.close, http.close, feed.close);
    feed.of('m');
    await eventually(() => logged.includes('vocabulary is here'));

    const words = Array.from({ length: 60 }, () => contentEvent(' the word'));
    const exact = policy('cap', { kind: 'token-limit', maxOutputTokens: 31, counting: 'exact' });
    const counter = vocabularyTokenCounter(feed, http);
    const { gateway } = await setUp(streamAnswer([...words, FINISH, DONE], 2), { counter }, [exact]);
    const response = await gateway.chat(ask({ stream: true, stream_options: { include_usage: true } }));
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = (await reader?.read())?.value ?? '';
    await service.close();
    for (let next = await reader?.read(); next?.done === false; next = await reader?.read()) text += next.value;

    expect(text.split(' the').length - 1).toBe(16);
    expect(text.split(' word').length - 1).toBe(15);
    expect(text).toContain('"finish_reason":"length"');
    expect(text).toContain('"completion_tokens":31');
    expect(text).toContain('[DONE]');
    expect(service.asked('/cut')).toBe(0);
    expect(gateway.records[0]?.outcome).toMatchObject({ kind: 'cut', usage: { outputTokens: 31, source: 'counted' } });
  });
});
