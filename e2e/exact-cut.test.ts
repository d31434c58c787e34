import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, type Stack, startStack } from './support/stack.ts';

const TEXTS = {
  English:
    "It's a long way to Tipperary, and the HTTPServer won't wait: 12345 reasons why they'll say so.\n\n  Indeed!",
  Chinese: '今天天气很好，我们去公园散步吧。人工智能正在改变世界，2024年将有更多变化！你觉得呢？',
  emoji: 'Family 👨‍👩‍👧‍👦 and flags 🇩🇪🏴󠁧󠁢󠁥󠁮󠁧󠁿, thumbs 👍🏽 up ❤️‍🔥 e\u0301 café 𝒳𝒴 done 🎉🎉🎉',
  code: 'function add(a: number, b: number) {\n\treturn a + b; // sum\n}\n\nexport const x = { "k": [1, 2, 3] };\r\n',
};

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.close());

async function count(model: string, text: string): Promise<number> {
  const response = await fetch(`${stack.tokenService.url}/calculate`, {
    method: 'POST',
    body: JSON.stringify({ model_name: model, text }),
  });
  const { token_count, exact } = (await response.json()) as { token_count: number; exact: boolean };
  expect(exact).toBe(true);
  return token_count;
}

interface Delivered {
  readonly text: string;
  readonly finish: string | undefined;
  readonly completionTokens: number | undefined;
  readonly isClosed: boolean;
}

async function ask(channel: string, model: string, content: string, more: object): Promise<Delivered> {
  const response = await fetch(`${stack.gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'x-channel-code': channel, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content }], ...more }),
  });
  expect(response.status).toBe(200);
  return 'stream' in more ? readStream(await response.text()) : readPlain(await response.json());
}

// biome-ignore lint/suspicious/noExplicitAny: a test looks into an answer
function readPlain(answer: any): Delivered {
  const [choice] = answer.choices;
  return {
    text: choice.message.content,
    finish: choice.finish_reason,
    completionTokens: answer.usage.completion_tokens,
    isClosed: true,
  };
}

function readStream(body: string): Delivered {
  const events = body.split('\n\n').filter((event) => event !== '');
  const chunks = events.filter((event) => event !== 'data: [DONE]').map((event) => JSON.parse(event.slice(6)));
  return {
    text: chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join(''),
    finish: chunks.map((chunk) => chunk.choices[0]?.finish_reason).find((reason) => reason),
    completionTokens: chunks.find((chunk) => chunk.usage)?.usage.completion_tokens,
    isClosed: events.at(-1) === 'data: [DONE]',
  };
}

/**
 * The promise: at most the cap, no half character, and a cut only where one more character would exceed the cap. (That
 * more text still might fit is no contradiction: a line feed after a carriage return can lower the count.)
 */
async function expectExact(
  model: string,
  source: string,
  cap: number,
  { text, finish, completionTokens, isClosed }: Delivered,
): Promise<void> {
  expect(source.startsWith(text)).toBe(true);
  expect(text.isWellFormed()).toBe(true);
  expect(isClosed).toBe(true);
  const tokens = await count(model, text);
  expect(tokens).toBeLessThanOrEqual(cap);
  if (text === source) {
    expect(finish).toBe('stop');
    return;
  }
  const next = String.fromCodePoint(source.codePointAt(text.length) ?? 0);
  expect(await count(model, text + next)).toBeGreaterThan(cap);
  expect(finish).toBe('length');
  expect(completionTokens).toBe(tokens);
}

describe.each(['Qwen3-8B', 'gpt-4o-mini'])('%s', (model) => {
  describe.each(Object.entries(TEXTS))('%s', (name, source) => {
    it('is cut exactly at 1, 2, 17, n - 1, n and n + 1, streamed in any chunking and plain', async () => {
      const whole = await count(model, source);
      for (const cap of [1, 2, 17, whole - 1, whole, whole + 1]) {
        const channel = `${name}-${model}-${cap}`.toLowerCase().replaceAll('.', '-');
        await stack.channel(channel, [{ kind: 'token-limit', maxOutputTokens: cap }]);
        const literal = `text=${JSON.stringify(source)} ignore-max-tokens`;
        for (const how of [
          'chunk=1',
          'chunk=3',
          'chunk=0',
          'chunk=5 utf8-split',
          'chunk=2 slow-bytes=7',
          'chunk=4 line-end=crlf',
        ]) {
          const delivered = await ask(channel, model, `[mock ${literal} ${how}]`, {
            stream: true,
            stream_options: { include_usage: true },
          });
          await expectExact(model, source, cap, delivered);
        }
        await expectExact(model, source, cap, await ask(channel, model, `[mock ${literal}]`, {}));
        // A client's own maximum is held to in the same way when the provider ignores it.
        await expectExact(
          model,
          source,
          cap,
          await ask('test-channel', model, `[mock ${literal} chunk=3]`, {
            max_tokens: cap,
            stream: true,
            stream_options: { include_usage: true },
          }),
        );
      }
      await eventually(async () => (await openUpstream()) === 0, 'every upstream request is closed');
    });
  });
});

it('a long stream is cut after few counts, and the upstream is closed at once', async () => {
  await stack.channel('long', [{ kind: 'token-limit', maxOutputTokens: 3_000 }]);
  const before = await meterCounts();
  const delivered = await ask('long', 'Qwen3-8B', '[mock words=20000 ignore-max-tokens]', {
    stream: true,
    stream_options: { include_usage: true },
  });
  expect(delivered.finish).toBe('length');
  expect(delivered.completionTokens).toBe(3_000);
  expect((await meterCounts()) - before).toBeLessThan(80);
  await eventually(async () => (await openUpstream()) === 0, 'the upstream request is closed');
});

it('reasoning and tool arguments count as output', async () => {
  await stack.channel('lanes', [{ kind: 'token-limit', maxOutputTokens: 12 }]);
  const thinking = await ask('lanes', 'Qwen3-8B', '[mock reasoning=100 words=50 ignore-max-tokens]', { stream: true });
  expect(thinking).toMatchObject({ text: '', finish: 'length', isClosed: true });
  const calling = await ask('lanes', 'Qwen3-8B', '[mock tool-call=3 ignore-max-tokens]', { stream: true });
  expect(calling).toMatchObject({ finish: 'length', isClosed: true });
});

async function openUpstream(): Promise<number> {
  return ((await (await fetch(`${stack.mock.url}/_mock/stats`)).json()) as { openRequests: number }).openRequests;
}

async function meterCounts(): Promise<number> {
  const metrics = await (await fetch(`${stack.gateway.url}/metrics`)).text();
  return Number(/gateway_token_counts_total\{purpose="meter",result="exact"\} (\d+)/.exec(metrics)?.[1] ?? 0);
}
