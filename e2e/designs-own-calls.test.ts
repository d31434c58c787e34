import { readFileSync } from 'node:fs';
import { join } from 'node:path';
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

it('the requests of the README are answered as it says', async () => {
  const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');
  const bodies = [
    ...readme.matchAll(/localhost:8081\/api\/chat [^']*'X-Channel-Code: test-channel'[\s\S]*?-d '(.*)'/g),
  ].map(([, body]) => body ?? '');
  expect(bodies).toHaveLength(2);
  for (const body of bodies) {
    const headers = { 'X-Channel-Code': 'test-channel', 'content-type': 'application/json' };
    const response = await fetch(`${stack.gateway.url}/api/chat`, { method: 'POST', headers, body });
    const text = await response.text();
    expect(response.status).toBe(200);
    if (body.includes('"stream":true')) expect(text).toContain('"finish_reason":"length"');
  }
  const policy = /api\/v2\/policies [\s\S]*?-d '(.*)'/.exec(readme)?.[1] ?? '';
  await stack.admin('POST', '/policies', JSON.parse(policy));
});

it('GET /metrics shows gateway_requests_total with namespace, model and status', async () => {
  const text = await (await fetch(`${stack.gateway.url}/metrics`)).text();
  expect(text).toMatch(/^gateway_requests_total\{namespace="test-channel",model="Qwen3-8B",status="200"\} 5$/m);
});

it('health endpoints', async () => {
  for (const path of ['/health', '/livez', '/readyz']) {
    expect((await fetch(stack.gateway.url + path)).status).toBe(200);
  }
  const { revision, limits } = await stack.stats();
  expect(revision).toBeGreaterThan(0);
  expect(limits.map(({ kind }) => kind).sort()).toEqual(['concurrency', 'requestRate', 'window']);
});
