import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Stack, startStack } from './support/stack.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.close());

const ASK = '{"model":"Qwen3-8B","messages":[{"role":"user","content":"你好"}]}';

it('POST /calculate of the token service', async () => {
  const response = await fetch(`${stack.tokenService.url}/calculate`, { method: 'POST', body: ASK });
  expect(await response.json()).toEqual({
    success: true,
    token_count: 9,
    model: 'Qwen3-8B',
    exact: true,
    vocabulary: 'qwen',
  });
});

it.each(['/api/chat', '/api/chat/completions', '/v1/chat/completions'])(
  'POST %s with X-Channel-Code: test-channel',
  async (path) => {
    const response = await fetch(stack.gateway.url + path, {
      method: 'POST',
      headers: { 'X-Channel-Code': 'test-channel', 'content-type': 'application/json' },
      body: ASK,
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      object: 'chat.completion',
      choices: [{ message: { role: 'assistant' } }],
    });
  },
);

it('GET /metrics shows gateway_requests_total with namespace, model and status', async () => {
  const text = await (await fetch(`${stack.gateway.url}/metrics`)).text();
  expect(text).toMatch(/^gateway_requests_total\{namespace="test-channel",model="Qwen3-8B",status="200"\} 3$/m);
});

it('health endpoints', async () => {
  for (const path of ['/health', '/livez', '/readyz']) {
    expect((await fetch(stack.gateway.url + path)).status).toBe(200);
  }
  const { revision, limits } = await stack.stats();
  expect(revision).toBeGreaterThan(0);
  expect(limits.map(({ kind }) => kind).sort()).toEqual(['concurrency', 'requestRate', 'tokenWindow']);
});
