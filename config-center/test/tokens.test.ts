import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ModelsResponse, TokenizeResponse } from '@ai-gateway/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settingsShape } from '../src/settings.ts';
import { startConfigCenter } from './support/config-center.ts';

const TOKENIZED: TokenizeResponse = {
  success: true,
  model: 'gpt-4o',
  vocabulary: 'o200k_base',
  exact: true,
  token_count: 1,
  tokens: [{ id: 12_194, text: 'hi' }],
};
const MODELS: ModelsResponse = {
  success: true,
  models: [{ match: ['gpt-4o*'], vocabulary: 'o200k_base', template: null, exact_text: true, exact_chat: false }],
  vocabularies: [{ name: 'o200k_base', source: 'tiktoken 1.0', license: 'MIT', is_loaded: true, tokens: 200_019 }],
  calibrations: { 'some-model': { ratio: 1.1, samples: 12, mean_error: 0.02 } },
};

/** What the token service was asked, and what it answers next. */
const asked: { method: string | undefined; url: string | undefined; body: string }[] = [];
let answer: { status: number; body: unknown; headers?: Record<string, string> };
let tokenService: Server;
let center: Awaited<ReturnType<typeof startConfigCenter>>;
beforeAll(async () => {
  tokenService = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    asked.push({ method: request.method, url: request.url, body });
    const headers = { 'content-type': 'application/json', ...answer.headers };
    response.writeHead(answer.status, headers).end(JSON.stringify(answer.body));
  });
  await new Promise<void>((resolve) => tokenService.listen(0, '127.0.0.1', resolve));
  const { port } = tokenService.address() as AddressInfo;
  // With the path that the gateway's setting may have, too.
  center = await startConfigCenter({ tokenServiceUrl: new URL(`http://127.0.0.1:${port}/calculate`) });
});
afterAll(async () => {
  await center.close();
  tokenService.close();
});

const QUESTION = { model: 'gpt-4o', text: 'hi' };
const tokenize = (body: unknown, headers?: Record<string, string>) =>
  center.call('POST', '/api/v2/tokens/tokenize', body, headers);

describe('tokens', () => {
  it.each([[QUESTION], [{ model: 'gpt-4o', messages: [{ role: 'user', content: 'hi' }] }]])(
    'of %j are asked of the token service',
    async (question) => {
      answer = { status: 200, body: TOKENIZED };
      expect(await tokenize(question)).toMatchObject({ status: 200, body: { code: 200, data: TOKENIZED } });
      expect(asked.at(-1)).toEqual({ method: 'POST', url: '/tokenize', body: JSON.stringify(question) });
    },
  );

  it('come with how models are counted', async () => {
    answer = { status: 200, body: MODELS };
    const models = await center.call('GET', '/api/v2/tokens/models');
    expect(models).toMatchObject({ status: 200, body: { data: MODELS } });
    expect(asked.at(-1)).toEqual({ method: 'GET', url: '/models', body: '' });
  });

  it.each([
    [400, { success: false, error: 'text: too long', detail: 'text: too long' }, 'text: too long'],
    [413, { success: false, error: 'The body has at most 10 bytes.' }, 'The body has at most 10 bytes.'],
    [404, { success: false, error: 'not found', detail: 'There is no such path.' }, 'There is no such path.'],
  ])('are refused with the sentence of a %i', async (status, body, message) => {
    answer = { status, body };
    expect(await tokenize(QUESTION)).toMatchObject({ status: 400, body: { code: 400, message } });
  });

  it.each([
    [{ status: 500, body: { error: 'The count failed.' } }],
    [{ status: 503, body: { error: 'too many large texts wait to be counted' } }],
    [{ status: 404, body: 'somebody else' }],
    [{ status: 200, body: { success: true } }],
    [{ status: 307, body: TOKENIZED, headers: { location: '/tokenize' } }],
  ])('are not to be had from %j', async (silence) => {
    answer = silence;
    const message = 'The token service does not answer.';
    expect(await tokenize(QUESTION)).toMatchObject({ status: 503, body: { code: 503, message } });
  });

  it('are not to be had while the token service is away', async () => {
    const alone = await startConfigCenter();
    const message = 'The token service does not answer.';
    for (const call of [
      alone.call('POST', '/api/v2/tokens/tokenize', QUESTION),
      alone.call('GET', '/api/v2/tokens/models'),
    ]) {
      expect(await call).toMatchObject({ status: 503, body: { code: 503, message } });
    }
    await alone.close();
  });

  it('are for administrators, of questions that are whole', async () => {
    const before = asked.length;
    const nobody = { authorization: '' };
    expect((await tokenize(QUESTION, nobody)).status).toBe(401);
    expect((await center.call('GET', '/api/v2/tokens/models', undefined, nobody)).status).toBe(401);
    expect((await tokenize({ text: 'hi' })).status).toBe(400);
    expect((await tokenize({ ...QUESTION, text: 'x'.repeat(100_001) })).status).toBe(400);
    expect(asked).toHaveLength(before);
  });
});

it.each([
  [undefined, 'http://127.0.0.1:8002/'],
  ['token-service:8002', 'http://token-service:8002/'],
  ['https://tokens.example/', 'https://tokens.example/'],
])('takes TOKEN_SERVICE_URL %s', (given, expected) => {
  expect(settingsShape.shape.TOKEN_SERVICE_URL.parse(given).href).toBe(expected);
});
