import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually, type Stack, startStack } from './support/stack.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ TOKEN_DRIFT_SAMPLE: '1' });
});
afterAll(() => stack.close());

function ask(channel: string, model: string, content: string): Promise<Response> {
  return fetch(`${stack.gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'x-channel-code': channel, 'content-type': 'application/json' },
    body: JSON.stringify({
      model,
      messages: [{ role: 'user', content }],
      stream: true,
      stream_options: { include_usage: true },
    }),
  });
}

async function metric(url: string, name: RegExp): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.split('\n').filter((line) => name.test(line));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

const cutsAsked = () => metric(stack.tokenService.url, /^token_service_items_total\{kind="cut"/);
const vocabulariesHere = () => stack.gateway.log().split('vocabulary is here').length - 1;

it('output is counted by the gateway once it has the vocabulary', async () => {
  await stack.channel('counted', [{ kind: 'token-limit', maxOutputTokens: 50 }]);
  await (await ask('counted', 'Qwen3-8B', '[mock words=200 ignore-max-tokens]')).text();
  await eventually(() => vocabulariesHere() === 1, 'the vocabulary is here');
  const before = await cutsAsked();
  expect(before).toBeGreaterThan(0);
  for (let round = 0; round < 5; round++) {
    const text = await (await ask('counted', 'Qwen3-8B', '[mock words=200 ignore-max-tokens]')).text();
    expect(text).toContain('"completion_tokens":50');
  }
  expect(await cutsAsked()).toBe(before);
});

it('what a provider reports beyond what it delivered is a metric', async () => {
  const near = /^gateway_token_drift_ratio_bucket\{le="1\.25",model="[^"]+",direction="output",exact="true"\}/;
  const all = /^gateway_token_drift_ratio_count\{model="[^"]+",direction="output",exact="true"\}/;
  await (await ask('test-channel', 'Qwen3-8B', '[mock words=200 usage=10/900]')).text();
  await eventually(async () => (await metric(stack.gateway.url, all)) === 1, 'the answer is compared');
  expect(await metric(stack.gateway.url, near)).toBe(0);
});

it('estimates learn from it', async () => {
  const model = 'mock-of-no-known-vocabulary';
  const calibrated = async () => {
    const answer = await (await fetch(`${stack.tokenService.url}/models`)).json();
    return Object.keys((answer as { calibrations: object }).calibrations);
  };
  await (await ask('test-channel', model, '[mock words=200 usage=10/300]')).text();
  await expect.poll(calibrated, { timeout: 40_000 }).toContain(`${model} output`);
});

it('a stream is cut exactly although the token service is gone', async () => {
  await stack.channel('alone', [{ kind: 'token-limit', maxOutputTokens: 40, counting: 'exact' }]);
  const response = await ask('alone', 'Qwen3-8B', '[mock words=100 ignore-max-tokens delay-ms=20 chunk=4]');
  await stack.tokenService.stop('SIGKILL');
  const text = await response.text();
  expect(text).toContain('"finish_reason":"length"');
  expect(text).toContain('"completion_tokens":40');
  expect(text).toContain('[DONE]');
});
