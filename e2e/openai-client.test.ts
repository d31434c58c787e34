import OpenAI, { APIError, BadRequestError, NotFoundError, PermissionDeniedError, RateLimitError } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Stack, startStack } from './support/stack.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
  await stack.channel('plain');
  await stack.channel('slow', [{ kind: 'qps-limit', maxQps: 0.02 }]);
  await stack.channel('vip', [
    {
      kind: 'message-matching',
      action: 'allow',
      condition: { source: 'body', field: 'metadata.tier', operator: 'equals', value: 'vip' },
    },
  ]);
});
afterAll(() => stack.close());

function client(channel = 'plain', options = {}): OpenAI {
  return new OpenAI({
    apiKey: 'unused-in-an-open-namespace',
    baseURL: `${stack.gateway.url}/v1`,
    defaultHeaders: { 'X-Channel-Code': channel },
    maxRetries: 0,
    ...options,
  });
}

const user = (content: string) => [{ role: 'user' as const, content }];

describe('chat.completions.create', () => {
  it('without stream', async () => {
    const answer = await client().chat.completions.create({
      model: 'Qwen3-8B',
      messages: user('[mock text="Hello there"]'),
    });
    expect(answer.choices[0]?.message.content).toBe('Hello there');
    expect(answer.choices[0]?.finish_reason).toBe('stop');
    expect(answer.usage?.total_tokens).toBeGreaterThan(0);
  });

  it('with stream, without the usage chunk that nobody asked for', async () => {
    const stream = await client().chat.completions.create({
      model: 'Qwen3-8B',
      stream: true,
      messages: user('[mock text="Hello there, 你好" chunk=3]'),
    });
    let text = '';
    const finishes: (string | null | undefined)[] = [];
    for await (const chunk of stream) {
      expect(chunk.choices.length).toBeGreaterThan(0);
      text += chunk.choices[0]?.delta.content ?? '';
      if (chunk.choices[0]?.finish_reason) finishes.push(chunk.choices[0].finish_reason);
    }
    expect(text).toBe('Hello there, 你好');
    expect(finishes).toEqual(['stop']);
  });

  it('with stream_options.include_usage', async () => {
    const stream = await client().chat.completions.create({
      model: 'Qwen3-8B',
      stream: true,
      stream_options: { include_usage: true },
      messages: user('[mock text="Hello"]'),
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 1 } });
  });

  it('with n', async () => {
    const answer = await client().chat.completions.create({ model: 'Qwen3-8B', n: 3, messages: user('three, please') });
    expect(answer.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    const stream = await client().chat.completions.create({
      model: 'Qwen3-8B',
      n: 2,
      stream: true,
      messages: user('two, please'),
    });
    const seen = new Set<number>();
    for await (const chunk of stream) for (const choice of chunk.choices) seen.add(choice.index);
    expect([...seen].sort()).toEqual([0, 1]);
  });

  it('with tools, streamed through the helper that assembles them', async () => {
    const tools = [
      {
        type: 'function' as const,
        function: { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
      },
    ];
    const request = { model: 'Qwen3-8B', tools, messages: user('weather? [mock tool-call]') };
    const answer = await client().chat.completions.create(request);
    const call = answer.choices[0]?.message.tool_calls?.[0];
    expect(call).toMatchObject({ type: 'function', function: { name: 'get_weather' } });
    const streamed = await client().chat.completions.stream(request).finalChatCompletion();
    expect(streamed.choices[0]?.message.tool_calls).toMatchObject([{ function: { name: 'get_weather' } }]);
    expect(streamed.choices[0]?.finish_reason).toBe('tool_calls');
  });

  it('with a virtual key in a closed namespace', async () => {
    const { id } = await stack.channel('closed', [], { authMode: 'key' });
    const key = await stack.admin<{ secret: string }>('POST', '/virtual-keys', { name: 'app', namespaceIds: [id] });
    await stack.live();
    const answer = await client('closed', { apiKey: key.secret }).chat.completions.create({
      model: 'Qwen3-8B',
      messages: user('[mock text=ok]'),
    });
    expect(answer.choices[0]?.message.content).toBe('ok');
    await expect(
      client('closed').chat.completions.create({ model: 'Qwen3-8B', messages: user('x') }),
    ).rejects.toMatchObject({ status: 401, code: 'invalid_api_key' });
  });
});

describe('errors are the classes of the client', () => {
  it.each([
    ['an unknown model', 'plain', { model: 'nobody-serves-this' }, NotFoundError, 'model_not_found'],
    ['no namespace', 'unknown', {}, NotFoundError, 'namespace_not_found'],
    ['a wrong maximum', 'plain', { max_tokens: -1 }, BadRequestError, 'invalid_max_tokens'],
    ['a policy', 'vip', {}, PermissionDeniedError, 'policy_violation'],
    [
      "the provider's own refusal",
      'plain',
      { messages: user('[mock status=400 error-message="too spicy"]') },
      BadRequestError,
      'invalid_request',
    ],
  ])('%s', async (...[_name, channel, more, type, code]) => {
    const call = client(channel).chat.completions.create({ model: 'Qwen3-8B', messages: user('x'), ...more });
    const error = await call.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(type);
    expect(error).toMatchObject({ code, requestID: expect.stringMatching(/^req_/) });
  });

  it('a limit, with the time to wait', async () => {
    const create = () => client('slow').chat.completions.create({ model: 'Qwen3-8B', messages: user('x') });
    await create();
    const error = await create().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(RateLimitError);
    expect((error as RateLimitError).headers?.get('retry-after')).toBe('50');
    expect((error as RateLimitError).headers?.get('x-should-retry')).toBe('false');
  });

  it('an upstream that dies mid-stream, after the text so far', async () => {
    const stream = await client().chat.completions.create({
      model: 'Qwen3-8B',
      stream: true,
      messages: user('[mock words=50 die-after=10 delay-ms=2]'),
    });
    let chunks = 0;
    const error = await (async () => {
      for await (const _ of stream) chunks++;
    })().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(chunks).toBeGreaterThan(3);
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ code: 'upstream_error' });
  });
});

it('models.list and models.retrieve', async () => {
  const models = [];
  for await (const model of client().models.list()) models.push(model.id);
  expect(models).toContain('Qwen3-8B');
  expect((await client().models.retrieve('Qwen3-8B')).owned_by).toBe('mock');
});

describe('a real provider', () => {
  it('is made from OPENAI_API_KEY and OPENAI_BASE_URL, and reached with the key of the gateway', async () => {
    const key = { OPENAI_API_KEY: 'sk-of-the-gateway' };
    const own = await startStack(key, (mockUrl) => ({ ...key, OPENAI_BASE_URL: `${mockUrl}/v1` }));
    const openai = new OpenAI({
      apiKey: 'sk-of-the-client',
      baseURL: `${own.gateway.url}/v1`,
      defaultHeaders: { 'X-Channel-Code': 'test-channel' },
    });
    const answer = await openai.chat.completions.create({
      model: 'openai/gpt-4o-mini',
      messages: user('[mock echo-request]'),
    });
    const seen = JSON.parse(answer.choices[0]?.message.content ?? '') as {
      headers: Record<string, string>;
      body: { model: string };
    };
    expect(seen.headers.authorization).toBe('Bearer sk-of-the-gateway');
    expect(seen.body.model).toBe('gpt-4o-mini');
    expect(own.gateway.log() + own.configCenter.log()).not.toContain('sk-of-the-');
    await own.close();
  });

  it('without its key in the environment is refused clearly', async () => {
    const provider = await stack.admin<{ id: string }>('POST', '/providers', {
      name: 'acme',
      models: ['acme-large'],
      apiKeyEnv: 'ACME_API_KEY',
    });
    await stack.admin('POST', '/upstreams', { providerId: provider.id, baseUrl: `${stack.mock.url}/v1` });
    await stack.live();
    const create = client().chat.completions.create({ model: 'acme/acme-large', messages: user('x') });
    await expect(create).rejects.toMatchObject({ status: 503, message: expect.stringContaining('no API key') });
  });
});
