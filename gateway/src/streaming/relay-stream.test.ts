import { describe, expect, it } from 'vitest';
import { toyCutText } from '../../test/support/toy-tokenizer.ts';
import { GatewayError } from '../domain/gateway-error.ts';
import type { StreamTerms } from '../protocols/wire-format.ts';
import { chatFormat } from './chat-format.ts';
import { type BodyEnd, relayStream } from './relay-stream.ts';
import { streamMeter } from './stream-meter.ts';

const content = (text: string, index = 0) =>
  `data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":${index},"delta":{"content":${JSON.stringify(text)}},"finish_reason":null}]}\n\n`;
const FINISH = 'data: {"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n';
const USAGE = 'data: {"id":"c1","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}\n\n';
const DONE = 'data: [DONE]\n\n';

async function* from(parts: readonly (string | Error)[], onClose = () => {}): AsyncGenerator<Buffer> {
  try {
    for (const part of parts) {
      if (part instanceof Error) throw part;
      yield Buffer.from(part);
    }
  } finally {
    onClose();
  }
}

type Options = Partial<StreamTerms> & { readonly cap?: number };

async function relay(parts: readonly (string | Error)[], options: Options = {}) {
  let end: BodyEnd | undefined;
  let isClosed = false;
  const meter = streamMeter({ cap: options.cap ?? 1_000 }, toyCutText());
  const output: Buffer[] = [];
  const stream = relayStream(
    from(parts, () => (isClosed = true)),
    {
      format: chatFormat.stream({ choices: options.choices ?? 1, wantsUsage: options.wantsUsage ?? false }),
      meter,
      requestId: 'req_1',
      usageAfterCut: async () => ({ inputTokens: 5, outputTokens: (await meter.total()).tokens, source: 'counted' }),
      errorOf: (thrown) => new GatewayError('upstream_error', { internal: String(thrown) }),
      onEnd: (reached) => {
        end = reached;
      },
    },
  );
  for await (const chunk of stream) output.push(chunk);
  return { text: Buffer.concat(output).toString(), end, isClosed };
}

it('forwards the original bytes when nothing changes', async () => {
  const whole = [content('Hello'), ': ping\n\n', content(' world'), FINISH, DONE].join('');
  const { text, end } = await relay([whole.slice(0, 50), whole.slice(50, 300), whole.slice(300)]);
  expect(text).toBe(whole);
  expect(end).toEqual({ kind: 'completed', usage: undefined });
});

describe('the usage event', () => {
  it('is taken out when the client did not ask for it, and read all the same', async () => {
    const { text, end } = await relay([content('Hi'), FINISH + USAGE + DONE]);
    expect(text).toBe(content('Hi') + FINISH + DONE);
    expect(end).toEqual({ kind: 'completed', usage: { inputTokens: 5, outputTokens: 2, source: 'provider' } });
  });

  it('is left in when the client asked for it', async () => {
    const { text } = await relay([content('Hi') + FINISH + USAGE + DONE], { wantsUsage: true });
    expect(text).toBe(content('Hi') + FINISH + USAGE + DONE);
  });

  it.each([
    'null',
    '{"prompt_tokens":-1,"completion_tokens":2}',
    '{"prompt_tokens":"5","completion_tokens":2}',
    '{"prompt_tokens":1e308,"completion_tokens":2}',
  ])('is not believed when it says %s', async (usage) => {
    const { end } = await relay([`${content('Hi')}${FINISH}data: {"choices":[],"usage":${usage}}\n\n${DONE}`]);
    expect(end).toEqual({ kind: 'completed', usage: undefined });
  });
});

describe('the cut', () => {
  it('forwards what fits, closes with length and [DONE], and closes the upstream', async () => {
    const { text, end, isClosed } = await relay(
      [content('abcd'), content('efghijkl'), content('never'), FINISH, DONE],
      { cap: 2 },
    );
    expect(eventsOf(text)).toMatchObject([
      { choices: [{ delta: { content: 'abcd' } }] },
      { choices: [{ index: 0, delta: { content: 'efgh' }, finish_reason: null }] },
      { choices: [{ index: 0, delta: {}, finish_reason: 'length' }] },
      '[DONE]',
    ]);
    expect(end).toEqual({ kind: 'cut', usage: { inputTokens: 5, outputTokens: 2, source: 'counted' } });
    expect(isClosed).toBe(true);
  });

  it('adds the usage event when the client asked for it', async () => {
    const { text } = await relay([content('abcdefgh')], { cap: 1, wantsUsage: true });
    expect(eventsOf(text).at(-2)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 5, completion_tokens: 1, total_tokens: 6 },
    });
  });

  it('ends every choice that has not ended', async () => {
    const { text } = await relay([FINISH + content('abcdefgh', 1)], { cap: 1, choices: 2 });
    expect(eventsOf(text).at(-2)).toMatchObject({ choices: [{ index: 1, finish_reason: 'length' }] });
  });

  it('does not happen when the text counts exactly the cap', async () => {
    const { end } = await relay([content('abcd'), content('efgh'), FINISH, DONE], { cap: 2 });
    expect(end?.kind).toBe('completed');
  });

  it('cuts tool call arguments', async () => {
    const call = (text: string) =>
      `data: {"id":"c1","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"${text}"}}]},"finish_reason":null}]}\n\n`;
    const { text } = await relay([call('abcd'), call('efghi')], { cap: 2 });
    expect(eventsOf(text)[1]).toMatchObject({
      choices: [{ delta: { tool_calls: [{ function: { arguments: 'efgh' } }] } }],
    });
  });
});

describe('an upstream that breaks off', () => {
  it('is told by an error event without [DONE]', async () => {
    const { text, end } = await relay([content('Hi'), new Error('socket')]);
    expect(eventsOf(text)).toMatchObject([
      {},
      { error: { code: 'upstream_error', type: 'server_error', request_id: 'req_1' } },
    ]);
    expect(text).not.toContain('[DONE]');
    expect(end?.kind).toBe('partial');
  });

  it('without [DONE] is complete when every choice had ended', async () => {
    const { text, end } = await relay([content('Hi') + FINISH]);
    expect(text.endsWith(DONE)).toBe(true);
    expect(end?.kind).toBe('completed');
  });

  it('without [DONE] and without a finish reason is partial', async () => {
    const { text, end } = await relay([content('Hi')]);
    expect(eventsOf(text).at(-1)).toMatchObject({ error: { code: 'upstream_error' } });
    expect(end?.kind).toBe('partial');
  });

  it('passes on the error that a provider reports mid-stream, in our shape', async () => {
    const { text, end } = await relay([content('Hi'), 'data: {"error":{"message":"overheated"}}\n\n', DONE]);
    expect(eventsOf(text).at(-1)).toMatchObject({
      error: { code: 'upstream_error', message: expect.stringContaining('overheated') },
    });
    expect(end?.kind).toBe('partial');
  });
});

it('forwards data that is not JSON unchanged', async () => {
  const { text } = await relay([content('Hi'), 'data: not json\n\n', FINISH, DONE]);
  expect(text).toContain('data: not json\n\n');
});

it('closes the upstream when the reader leaves', async () => {
  let isClosed = false;
  const stream = relayStream(
    from([content('a'), content('b')], () => (isClosed = true)),
    {
      format: chatFormat.stream({ choices: 1, wantsUsage: false }),
      meter: streamMeter({ cap: 10 }, toyCutText()),
      requestId: 'r',
      usageAfterCut: async () => ({ inputTokens: 0, outputTokens: 0, source: 'counted' }),
      errorOf: () => new GatewayError('internal_error'),
      onEnd: () => {},
    },
  );
  for await (const _ of stream) break;
  expect(isClosed).toBe(true);
});

function eventsOf(text: string): unknown[] {
  return text
    .split('\n\n')
    .filter((event) => event.startsWith('data: '))
    .map((event) => (event === 'data: [DONE]' ? '[DONE]' : JSON.parse(event.slice(6))));
}
