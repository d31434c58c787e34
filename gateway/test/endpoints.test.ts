import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  contentEvent,
  DONE,
  eventually,
  FINISH,
  policy,
  rulesWith,
  startGateway,
  startUpstream,
  streamAnswer,
} from './support/test-gateway.ts';

/** Every endpoint keeps the same policies, counts alike and is cut alike, passed or translated. */

const LETTERS = [...'abcdefghijklmnopqrst'];
const TEXT = LETTERS.join('');
const event = (type: string, data: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
const textChunk = (text: string, finish_reason: string | null = null) =>
  `data: ${JSON.stringify({ id: 'c', object: 'text_completion', choices: [{ index: 0, text, logprobs: null, finish_reason }] })}\n\n`;
const message = {
  id: 'm',
  type: 'message',
  role: 'assistant',
  model: 'm',
  stop_reason: null,
  usage: { input_tokens: 3, output_tokens: 1 },
};
const response = { id: 'r', object: 'response', status: 'in_progress', model: 'm', output: [] };
const item = { id: 'i', type: 'message', status: 'in_progress', role: 'assistant', content: [] };

const streams: Record<string, readonly string[]> = {
  chat: [...LETTERS.map(contentEvent), FINISH, DONE],
  completions: [...LETTERS.map((letter) => textChunk(letter)), textChunk('', 'stop'), DONE],
  messages: [
    event('message_start', { message: { ...message, content: [] } }),
    event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    ...LETTERS.map((text) => event('content_block_delta', { index: 0, delta: { type: 'text_delta', text } })),
    event('content_block_stop', { index: 0 }),
    event('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 9 } }),
    event('message_stop', {}),
  ],
  responses: [
    event('response.created', { sequence_number: 0, response }),
    event('response.output_item.added', { sequence_number: 1, output_index: 0, item }),
    ...LETTERS.map((delta) =>
      event('response.output_text.delta', { sequence_number: 2, output_index: 0, content_index: 0, delta }),
    ),
    event('response.completed', { sequence_number: 3, response: { ...response, status: 'completed' } }),
  ],
};

const plains: Record<string, object> = {
  chat: { id: 'c', choices: [{ index: 0, message: { role: 'assistant', content: TEXT }, finish_reason: 'stop' }] },
  completions: { id: 'c', choices: [{ index: 0, text: TEXT, finish_reason: 'stop' }] },
  messages: { ...message, content: [{ type: 'text', text: TEXT }], stop_reason: 'end_turn' },
  responses: { ...response, output: [{ ...item, content: [{ type: 'output_text', text: TEXT, annotations: [] }] }] },
};

const requests: Record<string, { readonly path: string; readonly body: object }> = {
  chat: { path: '/v1/chat/completions', body: { model: 'm', messages: [{ role: 'user', content: 'hi' }] } },
  completions: { path: '/v1/completions', body: { model: 'm', prompt: 'hi' } },
  messages: {
    path: '/v1/messages',
    body: { model: 'm', max_tokens: 100, messages: [{ role: 'user', content: 'hi' }] },
  },
  responses: { path: '/v1/responses', body: { model: 'm', input: 'hi' } },
};

/** What client asks, what the provider speaks, in what form its answer comes, and how a cut is told. */
const CASES = [
  ['chat', 'openai', 'chat', '"finish_reason":"length"'],
  ['chat', 'anthropic', 'messages', '"finish_reason":"length"'],
  ['completions', 'openai', 'completions', '"finish_reason":"length"'],
  ['completions', 'anthropic', 'messages', '"finish_reason":"length"'],
  ['messages', 'openai', 'chat', '"stop_reason":"max_tokens"'],
  ['messages', 'anthropic', 'messages', '"stop_reason":"max_tokens"'],
  ['responses', 'openai', 'chat', '"incomplete_details":{"reason":"max_output_tokens"}'],
  ['responses', 'openai-responses', 'responses', '"incomplete_details":{"reason":"max_output_tokens"}'],
  ['responses', 'anthropic', 'messages', '"incomplete_details":{"reason":"max_output_tokens"}'],
] as const;

const ENDS: Record<string, string> = {
  chat: 'data: [DONE]\n\n',
  completions: 'data: [DONE]\n\n',
  messages: 'event: message_stop\ndata: {"type":"message_stop"}\n\n',
  responses: '}}\n\n',
};

let upstream: Awaited<ReturnType<typeof startUpstream>>;
let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeAll(async () => {
  upstream = await startUpstream(() => {});
  gateway = await startGateway(rulesWith([upstream.url]));
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});
afterEach(() => {
  upstream.seen.length = 0;
});

function rules(dialect: string, policies: object[]): void {
  gateway.setRules(
    rulesWith([upstream.url], { providers: [{ id: 'p1', name: 'acme', models: ['m'], dialect }], policies }),
  );
}

function send(path: string, body: object, signal?: AbortSignal): Promise<Response> {
  return fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-channel-code': 'test-channel' },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });
}

const window = (id: string) =>
  policy(id, { kind: 'token-limit', maxOutputTokens: 3, windows: [{ windowSeconds: 3600, maxTokens: 1000 }] });

describe.each(CASES)('%s to a provider of %s', (client, dialect, form, mark) => {
  const { path, body } = requests[client] as { path: string; body: object };

  it('streams up to the cap, closes in its own protocol and settles what was delivered', async () => {
    rules(dialect, [window(`s-${client}-${dialect}`)]);
    upstream.play(streamAnswer(streams[form] ?? []));
    const text = await (await send(path, { ...body, stream: true })).text();
    expect(text).toContain(mark);
    expect(text.endsWith(ENDS[client] ?? '')).toBe(true);
    expect(
      text
        .match(/"(?:content|text|delta)":"[a-t]"/g)
        ?.map((found) => found.at(-2))
        .join(''),
    ).toBe('abcdefghijkl');
    expect(gateway.records.at(-1)?.outcome).toMatchObject({
      kind: 'cut',
      usage: { inputTokens: 1, outputTokens: 3, source: 'counted' },
    });
    expect((await gateway.limits())[0]?.current).toBe(4);
  });

  it('shortens a plain answer alike', async () => {
    rules(dialect, [window(`p-${client}-${dialect}`)]);
    upstream.play((_request, answer) => {
      answer.setHeader('content-type', 'application/json').end(JSON.stringify(plains[form]));
    });
    const text = await (await send(path, body)).text();
    expect(text).toContain(mark);
    expect(text).toContain('"abcdefghijkl"');
    expect(gateway.records.at(-1)?.outcome).toMatchObject({ kind: 'cut', usage: { inputTokens: 1, outputTokens: 3 } });
    expect((await gateway.limits())[0]?.current).toBe(4);
  });

  it('asks the provider for no more than the cap', async () => {
    rules(dialect, [window(`m-${client}-${dialect}`)]);
    upstream.play(streamAnswer(streams[form] ?? []));
    await (await send(path, { ...body, stream: true })).text();
    const sent = JSON.parse(upstream.seen[0]?.body ?? '{}');
    expect(sent.max_tokens ?? sent.max_output_tokens).toBe(3);
  });

  it('is refused by a limit before the provider is asked', async () => {
    rules(dialect, [policy(`q-${client}-${dialect}`, { kind: 'token-limit', maxInputTokens: 1 })]);
    const long = JSON.parse(JSON.stringify(body).replaceAll('"hi"', `"${TEXT}"`));
    const refused = await send(path, long);
    expect(refused.status).toBe(400);
    const { error } = (await refused.json()) as { error: { code: string } };
    expect(error.code).toBe('input_tokens_exceeded');
    expect(upstream.seen).toHaveLength(0);
  });

  it('is told in its own protocol when the provider breaks off', async () => {
    rules(dialect, []);
    upstream.play(async (_request, answer) => {
      answer.setHeader('content-type', 'text/event-stream');
      answer.write((streams[form] ?? []).slice(0, 4).join(''));
      await new Promise((resolve) => setTimeout(resolve, 20));
      answer.destroy();
    });
    const text = await (await send(path, { ...body, stream: true })).text();
    const last = text.trimEnd().split('\n\n').at(-1) ?? '';
    expect(last).toContain('upstream_error');
    expect(last.startsWith('event: error')).toBe(client === 'messages' || client === 'responses');
    expect(gateway.records.at(-1)?.outcome.kind).toBe('partial');
  });

  it('closes the provider and settles what was delivered when the client leaves', async () => {
    rules(dialect, [window(`l-${client}-${dialect}`)]);
    upstream.play(async (_request, answer) => {
      answer.setHeader('content-type', 'text/event-stream');
      answer.write((streams[form] ?? []).slice(0, 7).join(''));
      await new Promise<void>((resolve) => answer.on('close', resolve));
    });
    const leaving = new AbortController();
    const answer = await send(path, { ...body, stream: true }, leaving.signal);
    await answer.body?.getReader().read();
    leaving.abort();
    await eventually(() => upstream.open() === 0);
    await eventually(() => gateway.records.at(-1)?.outcome.kind === 'client_left');
    expect(gateway.records.at(-1)?.outcome.usage).toMatchObject({ inputTokens: 1, source: 'counted' });
    expect(gateway.inFlight()).toBe(0);
  });
});

it('a provider may refuse what it would otherwise not be told', async () => {
  const provider = { id: 'p1', name: 'acme', models: ['m'], dialect: 'anthropic' };
  const ask = () => send('/v1/chat/completions', { model: 'm', seed: 7, messages: [{ role: 'user', content: 'hi' }] });
  upstream.play((_request, answer) => {
    answer.setHeader('content-type', 'application/json').end(JSON.stringify(plains.messages));
  });
  gateway.setRules(rulesWith([upstream.url], { providers: [provider] }));
  expect((await ask()).headers.get('x-gateway-dropped')).toBe('seed');
  gateway.setRules(rulesWith([upstream.url], { providers: [{ ...provider, onUnsupported: 'refuse' }] }));
  const refused = await ask();
  expect(refused.status).toBe(400);
  expect(await refused.json()).toMatchObject({ error: { code: 'invalid_request', param: 'seed' } });
  expect(upstream.seen).toHaveLength(1);
});

it.each([
  ['/openai/v1', '/openai/v1/responses', 'passes'],
  ['', '/openai/deployments/m/chat/completions?api-version=2024-10-21', 'is translated'],
])('a response asked of Azure with the base "%s" goes to %s and %s', async (base, path) => {
  const providers = [{ id: 'p1', name: 'acme', models: ['m'], dialect: 'azure-openai' }];
  gateway.setRules(rulesWith([upstream.url + base], { providers }));
  const isNative = path.endsWith('/responses');
  upstream.play((_request, answer) => {
    const { responses, chat } = plains;
    answer.setHeader('content-type', 'application/json').end(JSON.stringify(isNative ? responses : chat));
  });
  const response = await send('/v1/responses', { model: 'm', input: 'hi', previous_response_id: 'r' });
  expect(response.status).toBe(isNative ? 200 : 400);
  const translated = await send('/v1/responses', { model: 'm', input: 'hi' });
  expect(await translated.json()).toMatchObject({ object: 'response' });
  expect(upstream.seen.at(-1)?.path).toBe(path);
});

it('embeddings count their input against windows and reserve no output', async () => {
  rules('openai', [policy('e', { kind: 'token-limit', windows: [{ windowSeconds: 3600, maxTokens: 8 }] })]);
  upstream.play((_request, answer) => {
    const usage = { prompt_tokens: 3, total_tokens: 3 };
    answer.setHeader('content-type', 'application/json').end(JSON.stringify({ object: 'list', data: [], usage }));
  });
  const body = { model: 'm', input: ['hi', 'hello', [1, 2]].slice(0, 2) };
  expect((await send('/v1/embeddings', body)).status).toBe(200);
  expect((await gateway.limits())[0]?.current).toBe(3);
  expect((await send('/v1/embeddings', { model: 'm', input: [1, 2, 3, 4, 5] })).status).toBe(200);
  expect((await send('/v1/embeddings', { model: 'm', input: [1, 2, 3, 4, 5] })).status).toBe(429);
});

it.each([
  ['/v1/messages', { model: 'm', messages: [{ role: 'user', content: 'hi' }] }, 'max_tokens'],
  ['/v1/messages', { model: 'm', max_tokens: 5, messages: [{ role: 'robot', content: 'hi' }] }, 'messages.0.role'],
  ['/v1/completions', { model: 'm' }, 'prompt'],
  ['/v1/embeddings', { model: 'm', input: [] }, 'input'],
  ['/v1/responses', { model: 'm', input: 'hi', background: true }, 'background'],
  ['/v1/responses', { model: 'm', input: 'hi', max_output_tokens: 0 }, 'max_output_tokens'],
])('%s names the field at fault in %j', async (path, body, field) => {
  rules('openai', []);
  const refused = await send(path, body);
  expect(refused.status).toBe(400);
  expect(await refused.text()).toContain(field);
});
