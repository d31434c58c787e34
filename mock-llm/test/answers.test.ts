import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type MockLlm, startMockLlm } from '../src/start-mock-llm.ts';
import { chatBody, contentOf, dataOf, eventsOf, getJson, post } from './support.ts';

let mock: MockLlm;
const chat = (content: string, more: object = {}, headers: Record<string, string> = {}) =>
  post(`${mock.url}/v1/chat/completions`, chatBody(content, more), headers);
const stream = (content: string, more: object = {}) => chat(content, { stream: true, ...more });

beforeAll(async () => {
  mock = await startMockLlm({ port: 0, models: ['extra-model'] });
});
beforeEach(() => mock.reset());
afterAll(() => mock.close());

describe('a chat completion', () => {
  it('has the shape that OpenAI gives', async () => {
    const answer = await chat('Hello [mock words=5]');
    expect(answer.headers['content-type']).toBe('application/json');
    expect(JSON.parse(answer.text)).toMatchObject({
      object: 'chat.completion',
      model: 'Qwen3-8B',
      choices: [{ index: 0, message: { role: 'assistant', refusal: null }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 },
    });
  });

  it('is the same text in a stream, for every chunk size and style', async () => {
    for (const style of ['en', 'zh', 'emoji', 'code', 'mixed']) {
      for (const chunk of ['', 'chunk=0', 'chunk=1', 'chunk=3', 'chunk=3 utf16']) {
        const directive = `Hi [mock style=${style} ${chunk} words=40]`;
        const whole = JSON.parse((await chat(directive)).text).choices[0].message.content;
        expect(contentOf((await stream(directive)).text)).toBe(whole);
      }
    }
  });

  it('does not depend on controls for delivery', async () => {
    const plain = await chat('Hi');
    const slow = await chat('Hi [mock delay-ms=1 first-delay-ms=2 slow-bytes=200]');
    expect(JSON.parse(slow.text).choices).toEqual(JSON.parse(plain.text).choices);
  });

  it('follows the seed of the body', async () => {
    const texts = await Promise.all([1, 1, 2].map(async (seed) => contentOf((await stream('Hi', { seed })).text)));
    expect(texts[0]).toBe(texts[1]);
    expect(texts[0]).not.toBe(texts[2]);
  });

  it('honours max_tokens and max_completion_tokens with finish_reason length', async () => {
    for (const more of [{ max_tokens: 3 }, { max_completion_tokens: 3 }]) {
      const answer = JSON.parse((await chat('Hi [mock words=9]', more)).text);
      expect(answer.choices[0].finish_reason).toBe('length');
      expect(answer.usage.completion_tokens).toBe(3);
    }
  });

  it('ignores max_tokens when told to', async () => {
    const answer = JSON.parse((await chat('Hi [mock words=9 ignore-max-tokens]', { max_tokens: 3 })).text);
    expect(answer.usage.completion_tokens).toBe(9);
    expect(answer.choices[0].finish_reason).toBe('stop');
  });

  it('answers a literal text', async () => {
    const text = 'Line one\n"two" 👩‍💻';
    expect(contentOf((await stream(`[mock text=${JSON.stringify(text)}]`)).text)).toBe(text);
  });

  it('echoes the prompt as model mock-echo, from text parts too', async () => {
    const content = [
      { type: 'text', text: '你好' },
      { type: 'image_url', image_url: { url: 'data:,' } },
    ];
    const body = JSON.stringify({ model: 'mock-echo', messages: [{ role: 'user', content }] });
    const answer = await post(`${mock.url}/v1/chat/completions`, body);
    expect(JSON.parse(answer.text).choices[0].message.content).toBe('你好');
  });

  it('echoes what arrived, and each time anew', async () => {
    for (const mark of ['first', 'second']) {
      const answer = await chat('[mock echo-request]', { user: 'u' }, { 'x-mark': mark });
      const received = JSON.parse(JSON.parse(answer.text).choices[0].message.content);
      expect(received.headers['x-mark']).toBe(mark);
      expect(received.body.user).toBe('u');
    }
  });

  it('gives a text completion on /v1/completions', async () => {
    const body = { model: 'Qwen3-8B', prompt: 'Hi [mock words=4]' };
    const whole = JSON.parse((await post(`${mock.url}/v1/completions`, JSON.stringify(body))).text);
    expect(whole).toMatchObject({ object: 'text_completion', choices: [{ index: 0, finish_reason: 'stop' }] });
    const streamed = await post(`${mock.url}/v1/completions`, JSON.stringify({ ...body, stream: true }));
    const text = eventsOf(streamed.text).map((event) => event.choices[0].text);
    expect(text.join('')).toBe(whole.choices[0].text);
  });
});

describe('a stream', () => {
  it('has one event for each word between an opening, a closing event and [DONE]', async () => {
    const { text, headers } = await stream('Hi [mock words=100]');
    const data = dataOf(text);
    expect(headers['content-type']).toBe('text/event-stream; charset=utf-8');
    expect(data.length).toBe(103);
    expect(data.at(-1)).toBe('[DONE]');
    expect(JSON.parse(data[0] ?? '').choices[0].delta.role).toBe('assistant');
    expect(JSON.parse(data[101] ?? '').choices[0]).toMatchObject({ delta: {}, finish_reason: 'stop' });
  });

  it('reports usage only when asked, in an event of its own', async () => {
    const asked = eventsOf((await stream('Hi [mock words=2]', { stream_options: { include_usage: true } })).text);
    expect(asked.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 2 } });
    expect(asked.slice(0, -1).every((event) => event.usage === null)).toBe(true);
    expect((await stream('Hi [mock words=2]')).text).not.toContain('usage');
  });

  it.each([
    ['no-usage', undefined],
    ['usage=bogus', { prompt_tokens: 1, completion_tokens: 999_999, total_tokens: 1_000_000 }],
    ['usage=malformed', { prompt_tokens: '12', completion_tokens: -3, total_tokens: null }],
    ['usage=12/34', { prompt_tokens: 12, completion_tokens: 34, total_tokens: 46 }],
    ['usage=inline', { prompt_tokens: 3, completion_tokens: 32, total_tokens: 35 }],
    ['usage=cumulative', { prompt_tokens: 3, completion_tokens: 32, total_tokens: 35 }],
  ])('with %s ends with the usage %j', async (control, usage) => {
    const events = eventsOf((await stream(`Hi [mock ${control}]`, { stream_options: { include_usage: true } })).text);
    expect(events.at(-1).usage).toEqual(usage);
  });

  it('sends several choices in turn, each with its own text and end', async () => {
    const { text } = await stream('Hi [mock words=6]', { n: 3 });
    const order = eventsOf(text).map((event) => event.choices[0].index);
    expect(order.slice(0, 6)).toEqual([0, 1, 2, 0, 1, 2]);
    expect(order.slice(-3)).toEqual([0, 1, 2]);
    expect(new Set([0, 1, 2].map((index) => contentOf(text, index))).size).toBe(3);
  });

  it('sends reasoning before the content', async () => {
    const events = eventsOf((await stream('Hi [mock reasoning=2 words=2]')).text);
    const keys = events.map((event) => Object.keys(event.choices[0].delta).at(-1));
    expect(keys).toEqual(['refusal', 'reasoning_content', 'reasoning_content', 'content', 'content', undefined]);
  });

  it('splits the arguments of parallel tool calls over events', async () => {
    const tools = ['weather', 'time'].map((name) => ({ type: 'function', function: { name } }));
    const { text } = await stream('Hi [mock tool-call=3 chunk=5]', { tools });
    const deltas = eventsOf(text).flatMap((event) => event.choices[0].delta.tool_calls ?? []);
    const calls = [0, 1, 2].map((index) => deltas.filter((delta) => delta.index === index));
    expect(calls.map((parts) => parts[0].function.name)).toEqual(['weather', 'time', 'weather']);
    const whole = JSON.parse((await chat('Hi [mock tool-call=3 chunk=5]', { tools })).text);
    for (const [index, parts] of calls.entries()) {
      const joined = parts.map((part) => part.function.arguments).join('');
      expect(joined).toBe(whole.choices[0].message.tool_calls[index].function.arguments);
    }
    expect(whole.choices[0]).toMatchObject({ message: { content: null }, finish_reason: 'tool_calls' });
  });

  it('calls the tool that tool_choice obliges', async () => {
    const tool_choice = { type: 'function', function: { name: 'search' } };
    const answer = JSON.parse((await chat('Hi', { tool_choice })).text);
    expect(answer.choices[0].message.tool_calls[0].function.name).toBe('search');
  });

  it.each([
    ['line-end=crlf', /^(data: [^\r\n]*\r\n\r\n)+$/],
    ['line-end=cr', /^(data: [^\r\n]*\r\r)+$/],
    ['comments', /^(: keep-alive\n\ndata: [^\n]*\n\n)+$/],
    ['no-space', /^(data:[^ \n][^\n]*\n\n)+$/],
    ['multi-line', /^(?:(?:data: [^\n]*\n)+\n)+$/],
    ['named-events', /^(id: \d+\nevent: message\nretry: 1000\ndata: [^\n]*\n\n)+$/],
    ['bom', /^\uFEFFdata: /],
    ['no-final-blank', /data: \[DONE\]$/],
    ['no-done', /"finish_reason":"stop"\}\]\}\n\n$/],
  ])('uses the framing %s', async (control, pattern) => {
    expect((await stream(`Hi [mock words=3 ${control}]`)).text).toMatch(pattern);
  });

  it('puts JSON over several data lines that are together the event', async () => {
    const { text } = await stream('Hi [mock words=1 multi-line no-done]');
    const first = text.split('\n\n')[0] ?? '';
    const joined = first.replaceAll(/^data: /gm, '');
    expect(joined).toContain('\n');
    expect(JSON.parse(joined).object).toBe('chat.completion.chunk');
  });

  it('leaves finish_reason out, tears an event, fails in the middle, or swells one event, as told', async () => {
    expect((await stream('Hi [mock no-finish]')).text).not.toContain('"finish_reason":"stop"');
    const torn = dataOf((await stream('Hi [mock bad-json-at=4]')).text);
    expect(() => JSON.parse(torn[4] ?? '')).toThrow();
    expect(torn.at(-1)).toBe('[DONE]');
    const failed = dataOf((await stream('Hi [mock error-at=4]')).text);
    expect(failed.length).toBe(5);
    expect(JSON.parse(failed[4] ?? '').error.type).toBe('server_error');
    expect((await stream('Hi [mock giant-event=300000]')).bytes.length).toBeGreaterThan(300_000);
  });

  it('comes compressed when told, even unasked', async () => {
    const plain = await stream('Hi');
    const zipped = await stream('Hi [mock gzip events-per-write=5]');
    expect(zipped.headers['content-encoding']).toBe('gzip');
    expect(contentOf(gunzipSync(zipped.bytes).toString('utf8'))).toBe(contentOf(plain.text));
  });

  it('answers a stream as JSON and JSON as a stream when told', async () => {
    expect((await stream('Hi [mock as=json]')).headers['content-type']).toBe('application/json');
    expect((await chat('Hi [mock as=sse]')).headers['content-type']).toContain('text/event-stream');
  });
});

describe('the other endpoints', () => {
  it('lists and shows models', async () => {
    const list = await getJson(`${mock.url}/v1/models`);
    expect(list.data.map((model: { id: string }) => model.id)).toEqual([
      'Qwen3-8B',
      'Qwen3-32B',
      'gpt-4o-mini',
      'mock-echo',
      'extra-model',
    ]);
    expect((await fetch(`${mock.url}/v1/models/Qwen3-8B`)).status).toBe(200);
    expect((await fetch(`${mock.url}/v1/models/nobody`)).status).toBe(404);
    expect((await fetch(`${mock.url}/v1/models/%E0%A4%A`)).status).toBe(404);
  });

  it('counts an upload and hashes it', async () => {
    const upload = Buffer.alloc(3_000_000, 'ab');
    const answer = await (await fetch(`${mock.url}/v1/files`, { method: 'POST', body: upload })).json();
    expect(answer).toMatchObject({ bytes: 3_000_000, sha256: createHash('sha256').update(upload).digest('hex') });
    expect((await getJson(`${mock.url}/v1/files`)).data.length).toBe(2);
  });

  it('speaks exactly the bytes that were ordered', async () => {
    const answer = await post(
      `${mock.url}/v1/audio/speech`,
      JSON.stringify({ input: '[mock bytes=10000 delay-ms=1]' }),
    );
    expect(answer.headers['content-type']).toBe('audio/mpeg');
    expect(answer.bytes.equals(Buffer.from(Array.from({ length: 10_000 }, (_, index) => index % 251)))).toBe(true);
  });

  it('draws the same picture and takes controls from the query', async () => {
    const url = `${mock.url}/v1/images/generations`;
    expect((await post(url, '{}')).text).toBe((await post(url, '{}')).text);
    expect((await post(`${url}?mock=${encodeURIComponent('status=503')}`, '{}')).status).toBe(503);
  });

  it('says what it does not have', async () => {
    expect((await fetch(`${mock.url}/v1/nothing`)).status).toBe(404);
    expect((await fetch(`${mock.url}/_mock/nothing`)).status).toBe(404);
    expect(await (await fetch(`${mock.url}/health`)).json()).toMatchObject({ status: 'ok' });
  });
});

describe('a bad request', () => {
  it.each([
    ['torn JSON', '{"model":', 400],
    ['no messages', JSON.stringify({ model: 'Qwen3-8B' }), 400],
    ['a wrong type', chatBody('Hi', { stream: 'yes' }), 400],
    ['max_tokens 0', chatBody('Hi', { max_tokens: 0 }), 400],
    ['an unknown control', chatBody('[mock wrods=3]'), 400],
    ['an unknown model', chatBody('Hi', { model: 'nobody' }), 404],
  ])('with %s is answered in the shape of OpenAI', async (_, body, status) => {
    const answer = await post(`${mock.url}/v1/chat/completions`, body);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text).error).toMatchObject({ type: 'invalid_request_error', message: expect.any(String) });
  });

  it('serves the models it was started with, and any mock model', async () => {
    expect((await chat('Hi', { model: 'extra-model' })).status).toBe(200);
    expect((await chat('Hi', { model: 'mock/anything@words:3' })).status).toBe(200);
  });
});
