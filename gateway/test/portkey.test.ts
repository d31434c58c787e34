import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, plainAnswer, rulesWith, type Script, startGateway, startUpstream } from './support/test-gateway.ts';

const SECRETS = { k_open: 'sk-of-openai', k_other: 'sk-of-other', ACME_API_KEY: 'sk-of-environment', k_pk: 'pk-own' };

const key = (id: string, providerId: string) => ({
  id,
  providerId,
  name: id,
  lastFour: '',
  sealed: { masterKeyId: 'm', dataKey: 'A'.repeat(80), ciphertext: 'AAAA' },
});

/** A Portkey gateway `pk` at the upstream, in front of two providers that are only told of. */
const rules = (url: string, config: object | undefined, more: Record<string, unknown> = {}) =>
  rulesWith([], {
    providers: [
      { id: 'p_pk', name: 'pk', dialect: 'portkey', models: ['m'] },
      { id: 'p_open', name: 'open', models: [] },
      { id: 'p_other', name: 'other', dialect: 'anthropic', models: [], apiKeyEnv: 'ACME_API_KEY' },
    ],
    upstreams: [
      { id: 'u_pk', providerId: 'p_pk', baseUrl: url },
      { id: 'u_late', providerId: 'p_open', baseUrl: 'https://late.example', priority: 200 },
      { id: 'u_open', providerId: 'p_open', baseUrl: 'https://open.example' },
      { id: 'u_other', providerId: 'p_other', baseUrl: 'https://other.example' },
    ],
    models: [{ id: 'mod', providerId: 'p_open', name: 'large', upstreamName: 'ep-large' }],
    providerKeys: [key('k_open', 'p_open')],
    virtualKeys: [],
    portkeyConfigs: config === undefined ? [] : [{ id: 'pkc_1', providerId: 'p_pk', name: 'main', ...config }],
    ...more,
  });

const TWO = [{ providerId: 'p_open', model: 'large' }, { providerId: 'p_other' }];
const FALLBACK = { strategy: { mode: 'fallback' }, targets: TWO };

let upstream: Awaited<ReturnType<typeof startUpstream>>;
let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeEach(async () => {
  upstream = await startUpstream(plainAnswer('hello'));
  gateway = await startGateway(rules(upstream.url, FALLBACK), SECRETS);
});
afterEach(async () => {
  await gateway.close();
  await upstream.close();
});

const told = () => JSON.parse(String(upstream.seen.at(-1)?.headers['x-portkey-config']));
const errorOf = async (response: Response) => ({
  status: response.status,
  ...((await response.json()) as { error: { code: string; message: string } }).error,
});
const fails =
  (status: number, body: object): Script =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };

describe('a request to a Portkey gateway', () => {
  it('carries the route in headers, with the keys of the targets, and the client’s own body', async () => {
    const response = await gateway.chat(ask({ temperature: 0.5 }), { 'x-request-id': 'req-7' });
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: 'hello' } }] });
    expect(told()).toEqual({
      strategy: { mode: 'fallback' },
      targets: [
        {
          provider: 'openai',
          custom_host: 'https://open.example/v1',
          api_key: 'sk-of-openai',
          override_params: { model: 'ep-large' },
        },
        { provider: 'anthropic', custom_host: 'https://other.example/v1', api_key: 'sk-of-environment' },
      ],
    });
    const [{ path, headers, body } = { path: '', headers: {}, body: '' }] = upstream.seen;
    expect(path).toBe('/v1/chat/completions');
    expect(headers['x-portkey-trace-id']).toBe('req-7');
    expect(JSON.parse(String(headers['x-portkey-metadata']))).toEqual({ namespace: 'test-channel' });
    expect(headers.authorization).toBeUndefined();
    expect(JSON.parse(body)).toEqual(ask({ temperature: 0.5 }));
    expect(gateway.records.at(-1)).toMatchObject({
      provider: 'pk',
      outcome: { kind: 'completed', usage: { inputTokens: 5, outputTokens: 2, source: 'provider' } },
    });
  });

  it('shows no key to the client, whatever it sends or asks', async () => {
    const response = await gateway.chat(ask(), { 'x-portkey-config': '{"provider":"x"}', 'x-portkey-api-key': 'mine' });
    const shown = JSON.stringify([...response.headers]) + (await response.text());
    for (const secret of Object.values(SECRETS)) expect(shown).not.toContain(secret);
    expect(told().targets).toHaveLength(2);
    expect(upstream.seen.at(-1)?.headers['x-portkey-api-key']).toBeUndefined();
  });

  it('names the key of Portkey itself, the caller, and what the config says of each request', async () => {
    const config = { ...FALLBACK, metadata: { team: '研发', namespace: 'forged' } };
    gateway.setRules(rules(upstream.url, config, { providerKeys: [key('k_open', 'p_open'), key('k_pk', 'p_pk')] }));
    await gateway.chat(ask());
    const headers = upstream.seen.at(-1)?.headers;
    expect(headers?.['x-portkey-api-key']).toBe('pk-own');
    expect(JSON.parse(String(headers?.['x-portkey-metadata']))).toEqual({ team: '研发', namespace: 'test-channel' });
  });

  it('leaves out a target that is switched off or has no key, unless conditions choose', async () => {
    const without = { providerKeys: [{ ...key('k_open', 'p_open'), isEnabled: false }] };
    gateway.setRules(rules(upstream.url, FALLBACK, without));
    await gateway.chat(ask());
    expect(told().targets).toMatchObject([{ provider: 'anthropic' }]);

    const strategy = {
      mode: 'conditional',
      conditions: [{ query: { 'params.model': 'm' }, target: 'a' }],
      default: 'b',
    };
    const targets = TWO.map((target, index) => ({ ...target, name: 'ab'[index] }));
    gateway.setRules(rules(upstream.url, { strategy, targets }, without));
    const error = await errorOf(await gateway.chat(ask()));
    expect(error).toMatchObject({ status: 503, code: 'no_healthy_upstream' });
    expect(error.message).toContain('"main"');
  });

  it('is refused when no config is active, and says which is not', async () => {
    gateway.setRules(rules(upstream.url, { ...FALLBACK, isEnabled: false }));
    expect(await errorOf(await gateway.chat(ask()))).toMatchObject({
      status: 503,
      code: 'no_healthy_upstream',
      message: 'The Portkey config "main" of the provider "pk" is deactivated.',
    });
    gateway.setRules(rules(upstream.url, undefined));
    expect((await errorOf(await gateway.chat(ask()))).message).toBe('The provider "pk" has no Portkey config.');
    expect(upstream.seen).toHaveLength(0);
  });

  it('does not go there where it is passed through untouched', async () => {
    const files = (headers: object) =>
      fetch(`${gateway.url}/v1/files`, { headers: { 'x-channel-code': 'test-channel', ...headers } });
    expect(await errorOf(await files({ 'x-provider': 'pk' }))).toMatchObject({
      status: 400,
      code: 'invalid_request',
      param: 'x-provider',
    });
    // The first that takes such requests is another.
    await files({});
    expect(upstream.seen).toHaveLength(0);
  });

  it('goes to a fallback of ours when no config is active', async () => {
    const second = await startUpstream(plainAnswer('from the other'));
    const base = rules(upstream.url, { ...FALLBACK, isEnabled: false });
    gateway.setRules({
      ...base,
      upstreams: base.upstreams.map((row) => (row.id === 'u_open' ? { ...row, baseUrl: second.url } : row)),
      fallbacks: [{ id: 'f', model: 'm', targets: [{ providerId: 'p_open' }], isEnabled: true }],
    });
    expect(await (await gateway.chat(ask())).text()).toContain('from the other');
    await second.close();
  });
});

describe('a failure of a Portkey gateway', () => {
  const once = () => {
    const base = rules(upstream.url, FALLBACK);
    const [first, ...rest] = base.providers;
    const routing = {
      hashOn: { source: 'virtualKey' },
      retry: { maxAttempts: 1, budgetRatio: 0, budgetPerSecond: 0, baseDelayMs: 0, maxDelayMs: 0 },
    };
    return {
      ...base,
      providers: [
        { ...first, routing: { ...routing, ejection: { failures: 9, asideMs: 100, maxPercent: 0, slowStartMs: 0 } } },
        ...rest,
      ],
    } as typeof base;
  };

  it('about its config is not the fault of the client', async () => {
    gateway.setRules(once());
    const message = 'Invalid config passed';
    upstream.play(
      fails(400, { status: 'failure', message, errors: ['path: targets,0, message: Invalid custom host'] }),
    );
    expect(await errorOf(await gateway.chat(ask()))).toMatchObject({ status: 502, code: 'upstream_error' });
    expect(gateway.records.at(-1)?.internal).toBe(
      'Portkey: Invalid config passed; path: targets,0, message: Invalid custom host',
    );
  });

  it.each([
    [400, 'openai error: max_tokens is too large', 400, 'invalid_request'],
    [446, 'The guardrail checks failed.', 400, 'invalid_request'],
    [408, 'Request timed out', 504, 'upstream_timeout'],
    [429, 'slow down', 503, 'upstream_rate_limited'],
    [500, 'openai error: broken', 502, 'upstream_error'],
  ])('with status %i (%s) becomes %i %s', async (status, message, expected, code) => {
    gateway.setRules(once());
    upstream.play(fails(status, { error: { message }, provider: 'openai' }));
    const error = await errorOf(await gateway.chat(ask()));
    expect(error).toMatchObject({ status: expected, code });
    expect(error.message.includes(message)).toBe(code === 'invalid_request');
  });

  it('never repeats the key of a target', async () => {
    gateway.setRules(once());
    upstream.play(fails(422, { error: { message: 'openai error: the key sk-of-openai or sk-of-environment is bad' } }));
    const { message } = await errorOf(await gateway.chat(ask()));
    expect(message).toContain('the key [secret] or [secret] is bad');
  });

  it('that is told with status 200 is a failure all the same', async () => {
    gateway.setRules(once());
    upstream.play(fails(200, { error: { message: 'Invalid response received from anthropic: {}' }, provider: 'x' }));
    expect(await errorOf(await gateway.chat(ask()))).toMatchObject({ status: 502, code: 'upstream_error' });
  });
});
