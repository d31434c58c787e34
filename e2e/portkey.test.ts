import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPortkey } from './support/portkey.ts';
import { eventually, freePort, type Stack, startStack } from './support/stack.ts';

/* The real Portkey gateway between a gateway of ours and the mock provider. */

const KEYS = { left: 'sk-left-0123456789abcdef', right: 'sk-right-0123456789abcdef' };
const MODEL = 'portkey/Qwen3-8B';

let stack: Stack;
let portkey: Awaited<ReturnType<typeof startPortkey>>;
let client: OpenAI;
let providers: { portkey: string; left: string; right: string; dead: string; untrusted: string };
let configId: string;

beforeAll(async () => {
  [stack, portkey] = await Promise.all([startStack(), startPortkey()]);
  const provider = async (name: string, baseUrl: string, more: object = {}) => {
    const { id } = await stack.admin('POST', '/providers', { name, models: [], ...more });
    await stack.admin('POST', '/upstreams', { providerId: id, baseUrl });
    return id;
  };
  const routing = { retry: { maxAttempts: 1 } };
  providers = {
    portkey: await provider('portkey', portkey.url, {
      dialect: 'portkey',
      models: ['Qwen3-8B'],
      priority: 900,
      routing,
    }),
    left: await provider('left', stack.mock.url),
    right: await provider('right', stack.mock.url),
    dead: await provider('dead', `http://127.0.0.1:${await freePort()}`),
    untrusted: await provider('untrusted', 'http://10.255.255.1'),
  };
  for (const name of ['left', 'right'] as const) {
    await stack.admin('POST', '/provider-keys', { providerId: providers[name], name, secret: KEYS[name] });
  }
  const draft = { providerId: providers.portkey, name: 'main', targets: [{ providerId: providers.left }] };
  configId = (await stack.admin('POST', '/portkey-configs', draft)).id;
  await stack.channel('plain');
  await stack.channel('streamed');
  await stack.channel('capped', [{ kind: 'token-limit', maxOutputTokens: 17 }]);
  client = clientOf('plain');
});
afterAll(async () => {
  await stack.close();
  await portkey.stop();
});

const clientOf = (channel: string) =>
  new OpenAI({
    baseURL: `${stack.gateway.url}/v1`,
    apiKey: 'none',
    maxRetries: 0,
    defaultHeaders: { 'X-Channel-Code': channel },
  });

/** Routes requests by this config from now on. */
async function route(config: object): Promise<void> {
  await stack.admin('PUT', `/portkey-configs/${configId}`, { providerId: providers.portkey, name: 'main', ...config });
  await stack.live();
}

const chat = (content: string, more: object = {}, from = client) =>
  from.chat.completions.create({ model: MODEL, messages: [{ role: 'user', content }], ...more });

interface Seen {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly model: string; readonly temperature?: number } & Readonly<Record<string, unknown>>;
}

/** What the provider was asked since `forget`. */
async function seen(): Promise<readonly Seen[]> {
  const { lastRequests } = (await (await fetch(`${stack.mock.url}/_mock/stats`)).json()) as {
    lastRequests: readonly { headers: Seen['headers']; body: unknown }[];
  };
  return lastRequests.map(({ headers, body }) => ({
    headers,
    body: typeof body === 'string' ? JSON.parse(body) : body,
  }));
}
const forget = () => fetch(`${stack.mock.url}/_mock/reset`, { method: 'POST' });

/** The error that a request ends with. */
const failureOf = async (request: Promise<unknown>) =>
  request.then(
    () => undefined,
    ({ status, code, message }: InstanceType<typeof OpenAI.APIError>) => ({ status, code, message }),
  );

/** What is in a file; nothing when it has been replaced by a newer one meanwhile. */
function contentOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

describe('through the real Portkey gateway', () => {
  it('a plain answer comes with its usage, asked with the key of the target', async () => {
    await route({
      targets: [{ providerId: providers.left, model: 'Qwen3-32B' }],
      overrideParams: { temperature: 0.25 },
    });
    await forget();
    const { choices, usage } = await chat('[mock words=12]');
    expect(choices[0]).toMatchObject({ finish_reason: 'stop', message: { role: 'assistant' } });
    expect(usage?.completion_tokens).toBe(12);
    const [request] = await seen();
    expect(request?.headers.authorization).toBe(`Bearer ${KEYS.left}`);
    expect(request?.body).toMatchObject({ model: 'Qwen3-32B', temperature: 0.25 });
    expect(JSON.stringify(request?.headers)).not.toContain('portkey-config');
  });

  it('a stream arrives event by event, and ends with the usage that was asked for', async () => {
    const stream = await clientOf('streamed').chat.completions.create({
      model: MODEL,
      messages: [{ role: 'user', content: '[mock words=20 delay-ms=1]' }],
      stream: true,
      stream_options: { include_usage: true },
    });
    let events = 0;
    let tokens: number | undefined;
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content) events++;
      tokens = chunk.usage?.completion_tokens ?? tokens;
    }
    expect([events, tokens]).toEqual([20, 20]);
    await eventually(async () => {
      const streamed = (await stack.stats()).namespaces.find(({ namespace }) => namespace === 'streamed');
      return streamed?.outputTokens === 20;
    }, 'settlement by the reported usage');
  });

  it('a stream is cut at the exact token', async () => {
    const stream = await clientOf('capped').chat.completions.create({
      model: MODEL,
      messages: [{ role: 'user', content: '[mock words=200 ignore-max-tokens]' }],
      stream: true,
    });
    let text = '';
    let finish: string | null = null;
    for await (const { choices } of stream) {
      text += choices[0]?.delta.content ?? '';
      finish = choices[0]?.finish_reason ?? finish;
    }
    expect(finish).toBe('length');
    const counted = await fetch(`${stack.tokenService.url}/calculate`, {
      method: 'POST',
      body: JSON.stringify({ model_name: 'Qwen3-8B', text }),
    });
    expect(await counted.json()).toMatchObject({ token_count: 17, exact: true });
  });

  it('a dead first target is passed over', async () => {
    await route({
      strategy: { mode: 'fallback' },
      targets: [{ providerId: providers.dead }, { providerId: providers.right }],
    });
    await forget();
    expect((await chat('hi')).choices[0]?.finish_reason).toBe('stop');
    expect((await seen()).map(({ headers }) => headers.authorization)).toEqual([`Bearer ${KEYS.right}`]);
  });

  it('load is shared by weight', async () => {
    const targets = [{ providerId: providers.left, weight: 3 }, { providerId: providers.right }];
    await route({ strategy: { mode: 'loadbalance' }, targets });
    await forget();
    for (let count = 0; count < 60; count++) await chat('[mock words=1]');
    const byKey = Map.groupBy(await seen(), ({ headers }) => headers.authorization);
    // With weights 3 and 1, fewer than 25 or none at all of 60 come once in a million runs and once in 30 million.
    expect(byKey.get(`Bearer ${KEYS.left}`)?.length).toBeGreaterThan(25);
    expect(byKey.get(`Bearer ${KEYS.right}`)?.length).toBeGreaterThan(0);
  });

  it('conditions see who asks and what for', async () => {
    await route({
      strategy: {
        mode: 'conditional',
        conditions: [{ query: { 'metadata.namespace': { $eq: 'capped' } }, target: 'right' }],
        default: 'left',
      },
      targets: [
        { name: 'left', providerId: providers.left },
        { name: 'right', providerId: providers.right },
      ],
    });
    await forget();
    await chat('hi');
    await chat('hi', {}, clientOf('capped'));
    expect((await seen()).map(({ headers }) => headers.authorization)).toEqual([
      `Bearer ${KEYS.left}`,
      `Bearer ${KEYS.right}`,
    ]);
  });

  it('errors keep their meaning: the client’s, the provider’s, and those of our own config', async () => {
    await route({ targets: [{ providerId: providers.left }] });
    const message = '[mock status=400 error-message="too hot"]';
    expect(await failureOf(chat(message))).toMatchObject({ status: 400, code: 'invalid_request' });
    expect((await failureOf(chat(message)))?.message).toContain('too hot');
    expect(await failureOf(chat('[mock status=500]'))).toMatchObject({ status: 502, code: 'upstream_error' });
    expect(await failureOf(chat('[mock status=429 retry-after=1]'))).toMatchObject({
      status: 503,
      code: 'upstream_rate_limited',
    });
    await route({ targets: [{ providerId: providers.left }], requestTimeoutMs: 200 });
    expect(await failureOf(chat('[mock hang]'))).toMatchObject({ status: 504, code: 'upstream_timeout' });

    // Portkey sends requests only to public addresses, and to those that TRUSTED_CUSTOM_HOSTS names.
    await route({ targets: [{ providerId: providers.untrusted }] });
    expect(await failureOf(chat('hi'))).toMatchObject({ status: 502, code: 'upstream_error' });
    await eventually(() => stack.gateway.log().includes('Invalid custom host'), 'the reason in the log');
  });

  it('a deactivated config refuses by its name, and works again when it is activated', async () => {
    await route({ targets: [{ providerId: providers.left }] });
    await stack.admin('POST', `/portkey-configs/${configId}/deactivate`);
    await stack.live();
    const refused = await failureOf(chat('hi'));
    expect(refused).toMatchObject({ status: 503, code: 'no_healthy_upstream' });
    expect(refused?.message).toContain('"main"');
    await stack.admin('POST', `/portkey-configs/${configId}/activate`);
    await stack.live();
    expect((await chat('hi')).choices[0]?.finish_reason).toBe('stop');
  });

  it('the keys of targets are in no log, file or answer', async () => {
    const { items } = await stack.admin<{ items: object[] }>('GET', `/portkey-configs/${configId}/versions`);
    const files = readdirSync(stack.dataDir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => contentOf(join(entry.parentPath, entry.name)));
    const shown = [stack.gateway.log(), stack.configCenter.log(), JSON.stringify(items), ...files].join('\n');
    for (const secret of Object.values(KEYS)) expect(shown).not.toContain(secret);
  });
});
