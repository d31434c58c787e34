import { afterEach, describe, expect, it } from 'vitest';
import type { TokenCounter } from '../src/services.ts';
import {
  ask,
  contentEvent,
  DONE,
  FINISH,
  plainAnswer,
  policy,
  rulesWith,
  type Script,
  startGateway,
  startUpstream,
  streamAnswer,
  toyCounter,
} from './support/test-gateway.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each.close();
});

async function setUp(rules: Record<string, unknown>, script: Script = plainAnswer('ok'), counter?: TokenCounter) {
  const upstream = await startUpstream(script);
  const gateway = await startGateway(rulesWith([upstream.url], rules), {}, counter && { counter });
  open.push(upstream, gateway);
  const send = (path: string, body: object) =>
    fetch(`${gateway.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-channel-code': 'test-channel' },
      body: JSON.stringify({ model: 'm', ...body }),
    });
  const sent = () => JSON.parse(upstream.seen.at(-1)?.body ?? '{}');
  const setRules = (more: Record<string, unknown>) => gateway.setRules(rulesWith([upstream.url], more));
  return { upstream, gateway, send, sent, setRules };
}

const namespaceWith = (more: object) => [{ id: 'n1', code: 'test-channel', name: 'T', authMode: 'open', ...more }];
const providerWith = (more: object) => [{ id: 'p1', name: 'acme', models: ['m'], ...more }];
const modelWith = (more: object) => [{ id: 'row', providerId: 'p1', name: 'm', ...more }];
const errorOf = async (response: Response) =>
  ((await response.json()) as { error: { code: string; param: string; message: string } }).error;
const dropped = (response: Response) => response.headers.get('x-gateway-dropped');

/** An answer in Anthropic's form. */
const plainMessage: Script = (_request, response) => {
  const content = [{ type: 'text', text: 'ok' }];
  const usage = { input_tokens: 1, output_tokens: 1 };
  const message = { id: 'm', type: 'message', role: 'assistant', content, stop_reason: 'end_turn', usage };
  response.setHeader('content-type', 'application/json').end(JSON.stringify(message));
};

describe('what a provider cannot do', () => {
  const claude = { providers: providerWith({ dialect: 'anthropic' }) };
  const namespaces = (onUnsupported: string) => ({ namespaces: namespaceWith({ onUnsupported }) });
  const locations = (onUnsupported: string) => ({
    locations: [{ id: 'l', path: '/v1/chat/completions', onUnsupported }],
  });
  const hinted = ask({ seed: 7 });

  it.each([
    ['the provider', { providers: providerWith({ dialect: 'anthropic', onUnsupported: 'refuse' }) }, 400],
    ['the namespace, before the provider,', namespaces('refuse'), 400],
    ['the location, before the namespace,', { ...namespaces('refuse'), ...locations('drop') }, 200],
    ['the location, the other way round,', { ...namespaces('drop'), ...locations('refuse') }, 400],
  ])('is dropped or refused as %s says', async (_who, rules, status) => {
    const { upstream, gateway } = await setUp({ ...claude, ...rules }, plainMessage);
    const response = await gateway.chat(hinted);
    expect([response.status, dropped(response)]).toEqual([status, status === 200 ? 'seed' : null]);
    if (status === 400) expect(await errorOf(response)).toMatchObject({ code: 'invalid_request', param: 'seed' });
    expect(upstream.seen).toHaveLength(status === 200 ? 1 : 0);
  });

  it.each(['drop', 'drop_all'])(
    'is refused with %s where a translation would leave another request',
    async (action) => {
      const { upstream, send } = await setUp({ ...claude, ...namespaces(action) });
      for (const [path, body, param] of [
        ['/v1/responses', { input: 'hi', previous_response_id: 'resp_1' }, 'previous_response_id'],
        ['/v1/embeddings', { input: 'hi' }, 'input'],
        ['/v1/completions', { prompt: ['one', 'two'] }, 'prompt'],
      ] as const) {
        const refused = await send(path, body);
        expect([refused.status, (await errorOf(refused)).param]).toEqual([400, param]);
      }
      expect(upstream.seen).toEqual([]);
    },
  );

  it('is told with an error too, once a provider was asked without it', async () => {
    const fails: Script = (_request, response) => void response.writeHead(500).end();
    const { gateway, setRules } = await setUp(claude, fails);
    const failed = await gateway.chat(hinted);
    expect([failed.status, dropped(failed)]).toEqual([502, 'seed']);
    setRules({ ...claude, policies: [policy('q', { kind: 'qps-limit', maxQps: 0.01 })] });
    await gateway.chat(ask());
    const limited = await gateway.chat(hinted);
    expect([limited.status, dropped(limited)]).toEqual([429, null]);
  });
});

describe('what a model is known not to do', () => {
  const url = 'https://example.com/cat.png';
  const chatImage = {
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a cat?' },
          { type: 'image_url', image_url: { url } },
        ],
      },
    ],
  };
  const source = { type: 'url', url };
  const messagesImage = {
    max_tokens: 9,
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a cat?' },
          { type: 'image', source },
        ],
      },
      { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'look', input: {} }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: [{ type: 'image', source }] }] },
    ],
  };
  const responsesImage = {
    input: [
      {
        role: 'user',
        content: [
          { type: 'input_text', text: 'a cat?' },
          { type: 'input_image', image_url: url },
        ],
      },
    ],
  };

  it.each([
    ['chat', 'openai', '/v1/chat/completions', chatImage],
    ['messages', 'anthropic', '/v1/messages', messagesImage],
    ['responses', 'openai-responses', '/v1/responses', responsesImage],
    ['translated messages', 'openai', '/v1/messages', messagesImage],
    ['translated chat', 'anthropic', '/v1/chat/completions', chatImage],
  ])('an image in %s is refused, and left out where the route says so', async (_name, dialect, path, body) => {
    const rules = { providers: providerWith({ dialect }), models: modelWith({ capabilities: ['text'] }) };
    const { upstream, send, sent, setRules } = await setUp(rules, (_request, response) => void response.end('{}'));
    const refused = await send(path, body);
    expect(refused.status).toBe(400);
    expect((await errorOf(refused)).message).toContain('messages.content.image_url: this model cannot do this');
    expect(upstream.seen).toEqual([]);

    setRules({ ...rules, namespaces: namespaceWith({ onUnsupported: 'drop_all' }) });
    const answered = await send(path, body);
    expect(dropped(answered)).toBe('messages.content.image_url');
    expect(JSON.stringify(sent())).toContain('a cat?');
    expect(JSON.stringify(sent())).not.toContain('cat.png');
    expect(JSON.stringify(sent())).not.toContain('"content":[]');

    setRules({ ...rules, models: modelWith({ capabilities: ['vision'] }) });
    await send(path, body);
    expect(JSON.stringify(sent())).toContain('cat.png');
  });

  const tools = [{ type: 'function', function: { name: 'look', parameters: {} } }];

  it('tools are refused or left out with all that belongs to them; hints are left out', async () => {
    const rules = { models: modelWith({ capabilities: ['vision'] }) };
    const { gateway, sent, setRules } = await setUp(rules);
    const asked = ask({ tools, tool_choice: 'auto', parallel_tool_calls: false });
    const refused = await gateway.chat(asked);
    expect([refused.status, (await errorOf(refused)).param]).toEqual([400, 'tools']);
    setRules({ ...rules, namespaces: namespaceWith({ onUnsupported: 'drop_all' }) });
    expect(dropped(await gateway.chat(asked))).toBe('tools');
    expect(Object.keys(sent()).sort()).toEqual(['messages', 'model']);

    setRules(rules);
    const schema = { type: 'json_schema', json_schema: { name: 'x', schema: {} } };
    const hinted = await gateway.chat(ask({ response_format: schema, reasoning_effort: 'high' }));
    expect(dropped(hinted)).toBe('response_format.json_schema,reasoning_effort');
    expect(sent()).toMatchObject({ response_format: { type: 'json_object' } });
    expect(sent()).not.toHaveProperty('reasoning_effort');
  });

  it('is asked all the same while nothing is known of the model', async () => {
    const { gateway, sent } = await setUp({ models: modelWith({}) });
    const response = await gateway.chat(ask({ ...chatImage, tools }));
    expect([response.status, dropped(response)]).toEqual([200, null]);
    expect(sent()).toMatchObject({ ...chatImage, tools });
  });

  it('is not asked of a fallback either', async () => {
    const fails: Script = (_request, response) => void response.writeHead(500).end();
    const { upstream, gateway } = await setUp(
      {
        providers: providerWith({ models: ['m', 'm2'] }),
        models: [{ id: 'row', providerId: 'p1', name: 'm2', capabilities: ['text'] }],
        fallbacks: [{ id: 'f', model: 'm', targets: [{ model: 'm2' }] }],
      },
      fails,
    );
    const models = () => upstream.seen.splice(0).map(({ body }) => (JSON.parse(body) as { model: string }).model);
    await gateway.chat(ask({ tools }));
    expect(new Set(models())).toEqual(new Set(['m']));
    await gateway.chat(ask());
    expect(new Set(models())).toEqual(new Set(['m', 'm2']));
  });
});

describe('the context of a model', () => {
  const words = (tokens: number) => ({ messages: [{ role: 'user', content: 'abcd'.repeat(tokens) }] });

  it('holds input and asked output to the token, in every protocol', async () => {
    const { upstream, gateway, send } = await setUp({ models: modelWith({ contextTokens: 20 }) });
    expect((await gateway.chat(ask({ ...words(15), max_tokens: 5 }))).status).toBe(200);
    const chat = await gateway.chat(ask({ ...words(15), max_tokens: 6 }));
    expect(chat.status).toBe(400);
    expect(await errorOf(chat)).toMatchObject({
      code: 'context_length_exceeded',
      message: 'The model "m" has a context of 20 tokens; 15 tokens of input and 6 of output are asked for.',
    });
    expect((await gateway.chat(ask(words(21)))).status).toBe(400);
    const messages = await send('/v1/messages', { ...words(15), max_tokens: 6 });
    expect([messages.status, (await errorOf(messages)).code]).toEqual([400, 'context_length_exceeded']);
    const responses = await send('/v1/responses', { input: words(15).messages, max_output_tokens: 6 });
    expect([responses.status, (await errorOf(responses)).code]).toEqual([400, 'context_length_exceeded']);
    expect(upstream.seen).toHaveLength(1);
    expect(gateway.records.at(-1)?.outcome).toMatchObject({ kind: 'refused', usage: { inputTokens: 0 } });
  });

  it('leaves to the provider what an estimate cannot tell for sure', async () => {
    const { gateway } = await setUp({ models: modelWith({ contextTokens: 20 }) });
    const countChat = gateway.tokens.countChat.bind(gateway.tokens);
    gateway.tokens.countChat = async (...call) => ({ ...(await countChat(...call)), exact: false });
    const statuses = async (...tokens: number[]) =>
      Promise.all(tokens.map(async (count) => (await gateway.chat(ask(words(count)))).status));
    expect(await statuses(22, 24)).toEqual([200, 400]);
    // Without the token service nobody knows.
    gateway.tokens.isDown = true;
    gateway.tokens.countChat = countChat;
    expect(await statuses(22, 24, 1_000)).toEqual([200, 200, 200]);
  });

  it('is held against what the provider would be asked for, not what a policy has taken away', async () => {
    const policies = [policy('cap', { kind: 'token-limit', maxOutputTokens: 5 })];
    const { gateway } = await setUp({ models: modelWith({ contextTokens: 20 }), policies });
    expect((await gateway.chat(ask({ ...words(15), max_tokens: 4_096 }))).status).toBe(200);
    expect((await gateway.chat(ask({ ...words(16), max_tokens: 4_096 }))).status).toBe(400);
  });

  it('lowers the maximum that only a policy names to the room there is', async () => {
    const policies = [policy('cap', { kind: 'token-limit', maxOutputTokens: 50 })];
    const { gateway, sent } = await setUp({ models: modelWith({ contextTokens: 20 }), policies });
    await gateway.chat(ask(words(15)));
    expect(sent()).toMatchObject({ max_tokens: 5 });
  });

  it('costs no count where the request is surely shorter', async () => {
    const counter = twoTokenizers();
    const { gateway } = await setUp({ models: modelWith({ contextTokens: 8_192 }) }, plainAnswer('ok'), counter);
    await gateway.chat(ask({ max_tokens: 4_096 }));
    expect(counter.asked).toEqual([]);
    await gateway.chat(ask({ max_tokens: 8_000 }));
    expect(counter.asked).toEqual(['m']);
  });
});

/** A counter of which each model has its own tokenizer: of `m2` every character is a token. */
function twoTokenizers(): TokenCounter & { asked: string[] } {
  const toy = toyCounter();
  const asked: string[] = [];
  return {
    asked,
    countChat(model, prompt) {
      asked.push(model);
      if (model !== 'm2') return toy.countChat(model, prompt);
      const texts = prompt.messages.map((message) => String((message as { content?: unknown }).content));
      return Promise.resolve({ tokens: texts.join('').length, exact: true });
    },
    tokensPerByte: () => 1,
    async cut(model, text, maxTokens, from) {
      if (model !== 'm2') return toy.cut(model, text, maxTokens, from);
      const tokens = text.length;
      const cutAt = Math.max(from, Math.min(tokens, maxTokens));
      return { tokens, cutAt, cutTokens: cutAt, finalAt: tokens, finalTokens: tokens, exact: true };
    },
  };
}

describe('a fallback to another model', () => {
  const [FIRST, SECOND] = ['m', 'm2'];
  const rules = (windowTokens: number, more: object = {}) => ({
    providers: providerWith({ models: [FIRST, SECOND], routing: { retry: { maxAttempts: 1 } } }),
    fallbacks: [{ id: 'f', model: FIRST, targets: [{ model: SECOND }] }],
    policies: [
      policy('w', { kind: 'token-limit', windows: [{ windowSeconds: 3600, maxTokens: windowTokens }], ...more }),
    ],
  });
  /** 3 tokens of the first tokenizer, 12 of the second. */
  const messages = [{ role: 'user', content: 'abcdefghijkl' }];
  const onlySecond: Script = (...call) => {
    const isFirst = (JSON.parse(call[2]) as { model: string }).model === FIRST;
    if (isFirst) return void call[1].writeHead(500).end();
    return streamAnswer([contentEvent('abcd'), contentEvent('efgh'), FINISH, DONE])(...call);
  };

  it('is reserved by whichever tokenizer makes more of the input, and settled by that of who answers', async () => {
    const { gateway, setRules } = await setUp(rules(21), onlySecond, twoTokenizers());
    const request = ask({ messages, stream: true, max_tokens: 10 });
    const refused = await gateway.chat(request);
    expect([refused.status, (await errorOf(refused)).code]).toEqual([400, 'tokens_exceed_limit']);
    setRules(rules(22));
    await (await gateway.chat(request)).text();
    expect(gateway.records.at(-1)).toMatchObject({
      resolvedModel: SECOND,
      demand: { inputTokens: 12, outputTokens: 10 },
      outcome: { kind: 'completed', usage: { inputTokens: 12, outputTokens: 8, source: 'counted' } },
    });
    expect((await gateway.limits())[0]?.current).toBe(20);
  });

  it('is cut by the tokenizer of who answers', async () => {
    const { gateway } = await setUp(rules(100, { maxOutputTokens: 5 }), onlySecond, twoTokenizers());
    const text = await (await gateway.chat(ask({ messages, stream: true }))).text();
    expect([...text.matchAll(/"content":"(\w*)"/g)].map(([, part]) => part).join('')).toBe('abcde');
    expect(gateway.records.at(-1)?.outcome).toMatchObject({
      kind: 'cut',
      usage: { inputTokens: 12, outputTokens: 5, source: 'counted' },
    });
  });

  it('costs nothing more when the first answers', async () => {
    const script = streamAnswer([contentEvent('abcd'), contentEvent('efgh'), FINISH, DONE]);
    const { gateway } = await setUp(rules(100), script, twoTokenizers());
    await (await gateway.chat(ask({ messages, stream: true, max_tokens: 10 }))).text();
    expect(gateway.records.at(-1)?.outcome.usage).toMatchObject({ inputTokens: 3, outputTokens: 2 });
    expect((await gateway.limits())[0]?.current).toBe(5);
  });
});
