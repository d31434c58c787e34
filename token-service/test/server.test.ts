import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let service: ChildProcess;
let url: string;

beforeAll(async () => {
  service = spawn(process.execPath, [join(import.meta.dirname, '../src/main.ts')], {
    env: { ...process.env, TOKEN_SERVICE_PORT: '0', TOKEN_MAX_BODY_BYTES: '12000000' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await new Promise<number>((resolve, reject) => {
    service.once('exit', (code) => reject(new Error(`ended with ${code}`)));
    service.stdout?.on('data', (chunk: Buffer) => {
      const found = /"event":"listening","port":(\d+)/.exec(chunk.toString());
      if (found !== null) resolve(Number(found[1]));
    });
  });
  url = `http://127.0.0.1:${port}`;
});

afterAll(async () => {
  const ended = new Promise((resolve) => service.once('exit', resolve));
  service.kill('SIGTERM');
  expect(await ended).toBe(0);
});

async function post(path: string, body: unknown) {
  const response = await fetch(url + path, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
}

describe('/calculate', () => {
  it("answers the design's own call", async () => {
    const { body } = await post('/calculate', { model: 'Qwen3-8B', messages: [{ role: 'user', content: '你好' }] });
    // <|im_start|>user \n 你好 <|im_end|> \n <|im_start|>assistant \n
    expect(body).toEqual({ success: true, token_count: 9, model: 'Qwen3-8B', exact: true, vocabulary: 'qwen' });
  });

  it.each([
    // OpenAI's cookbook, "How to count tokens with tiktoken": its example of six messages.
    ['gpt-4-0613', 129],
    ['gpt-4o', 124],
    ['gpt-3.5-turbo-0125', 129],
  ])("gives the cookbook's number for %s", async (model, tokens) => {
    const messages = [
      {
        role: 'system',
        content: 'You are a helpful, pattern-following assistant that translates corporate jargon into plain English.',
      },
      { role: 'system', name: 'example_user', content: 'New synergies will help drive top-line growth.' },
      { role: 'system', name: 'example_assistant', content: 'Things working well together will increase revenue.' },
      {
        role: 'system',
        name: 'example_user',
        content: "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
      },
      {
        role: 'system',
        name: 'example_assistant',
        content: "Let's talk later when we're less busy about how to do better.",
      },
      {
        role: 'user',
        content: "This late pivot means we don't have time to boil the ocean for the client deliverable.",
      },
    ];
    expect((await post('/calculate', { model, messages })).body).toMatchObject({ token_count: tokens, exact: true });
  });

  it.each([
    ['Qwen2.5-72B-Instruct-GPTQ-int4', 'qwen', true],
    ['Qwen/Qwen3-32B', 'qwen', true],
    ['QwQ-32B', 'qwen', false],
    ['qwen3.5-plus', 'o200k_base', false],
    ['openai/gpt-4o-2024-08-06', 'o200k_base', true],
    ['ft:gpt-4o-mini-2024-07-18:acme::id', 'o200k_base', true],
    ['o3-mini', 'o200k_base', false],
    ['gpt-4-turbo', 'cl100k_base', true],
    ['claude-sonnet-4', 'o200k_base', false],
  ])('takes %s for %s, exact: %s', async (model, vocabulary, exact) => {
    const { body } = await post('/calculate', { model, messages: [{ role: 'user', content: 'hi' }] });
    expect(body).toMatchObject({ vocabulary, exact });
  });

  it('takes a text, also an empty one', async () => {
    expect((await post('/calculate', { model_name: 'gpt-4o', text: 'hello world' })).body.token_count).toBe(2);
    expect((await post('/calculate', { model_name: 'gpt-4o', text: '' })).body.token_count).toBe(0);
  });

  it('says that a chat with tools or images is not exact', async () => {
    const chat = {
      model: 'gpt-4o',
      messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }],
    };
    expect((await post('/calculate', chat)).body).toMatchObject({ exact: false });
    const tools = {
      model: 'Qwen3-8B',
      messages: [{ role: 'user', content: 'x' }],
      tools: [{ type: 'function', function: { name: 'f' } }],
    };
    expect((await post('/calculate', tools)).body).toMatchObject({ exact: false });
  });

  it.each([
    ['{', 'JSON'],
    ['{"model":"m"}', 'messages'],
    ['{"model_name":"x","text":5}', 'text'],
    ['{"model":"m","messages":[]}', 'messages'],
  ])('refuses %s naming %s', async (text, word) => {
    const { status, body } = await post('/calculate', text);
    expect(status).toBe(400);
    expect(body.detail).toContain(word);
  });

  it('refuses a body over the limit', async () => {
    const { status } = await post('/calculate', { model_name: 'gpt-4o', text: 'x'.repeat(12_000_001) });
    expect(status).toBe(413);
    expect((await post('/calculate', { model_name: 'gpt-4o', text: 'x' })).status).toBe(200);
  });
});

it('a batch answers each item by itself', async () => {
  const { body } = await post('/batch-calculate', {
    items: [{ model_name: 'gpt-4o', text: 'hello' }, { nonsense: 1 }, { model_name: 'Qwen3-8B', text: '你好' }],
  });
  expect(body).toMatchObject({ results: [{ token_count: 1 }, { success: false }, { token_count: 1 }] });
});

it('small questions are answered while a large text, a large batch and a long cut are counted', async () => {
  const large = post('/calculate', { model_name: 'Qwen3-8B', text: 'hello world 你好 '.repeat(600_000) });
  const batch = post('/batch-calculate', {
    items: Array.from({ length: 100 }, () => ({ model_name: 'gpt-4o', text: 'word '.repeat(10_000) })),
  });
  const cut = post('/cut', { model: 'gpt-4o', text: '你好世界'.repeat(15_000), max_tokens: 1_000 });
  await new Promise((resolve) => setTimeout(resolve, 300));
  const times: number[] = [];
  for (let count = 0; count < 50; count++) {
    const started = performance.now();
    await post('/calculate', { model_name: 'gpt-4o', text: 'hello' });
    times.push(performance.now() - started);
  }
  times.sort((left, right) => left - right);
  expect(times[25]).toBeLessThan(50);
  expect((await large).status).toBe(200);
  expect((await batch).status).toBe(200);
  expect((await cut).body).toMatchObject({ fits: false, cut_tokens: 1_000 });
});

it('shows its table, its health and its metrics', async () => {
  expect(await (await fetch(`${url}/models`)).json()).toMatchObject({
    models: expect.arrayContaining([expect.objectContaining({ vocabulary: 'qwen' })]),
  });
  expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: 'ok' });
  expect(await (await fetch(`${url}/metrics`)).text()).toContain(
    'token_service_items_total{kind="calculate",vocabulary="qwen",exact="true"}',
  );
  expect((await fetch(`${url}/nonsense`)).status).toBe(404);
});
