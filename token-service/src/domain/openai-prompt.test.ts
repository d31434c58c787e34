import { get_encoding } from 'tiktoken';
import { describe, expect, it } from 'vitest';
import { openAiImageFormula } from './image-tokens.ts';
import { countOpenAiPrompt } from './openai-prompt.ts';
import type { ChatMessage } from './prompt.ts';

const ENCODINGS = { cl100k: get_encoding('cl100k_base'), o200k: get_encoding('o200k_base') };

function countIn(model: string) {
  const encoding = /^gpt-(4|3\.5)(-|$)/.test(model) ? ENCODINGS.cl100k : ENCODINGS.o200k;
  return (text: string) => encoding.encode_ordinary(text).length;
}

function countOf(model: string, messages: readonly ChatMessage[], tools?: readonly unknown[]) {
  return countOpenAiPrompt(openAiImageFormula(model), { messages, tools }, countIn(model));
}

function tool(name: string, description: string | undefined, parameters: unknown): unknown {
  return { type: 'function', function: { name, ...(description !== undefined && { description }), parameters } };
}

/** The data of the cookbook's "How to count tokens with tiktoken", sections 6 and 7. */
const CONVERSATION: readonly ChatMessage[] = [
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

const WEATHER_QUESTION: readonly ChatMessage[] = [
  { role: 'system', content: 'You are a helpful assistant that can answer to questions about the weather.' },
  { role: 'user', content: "What's the weather like in San Francisco?" },
];

const WEATHER_PROPERTIES = {
  location: { type: 'string', description: 'The city and state, e.g. San Francisco, CA' },
  unit: { type: 'string', description: 'The unit of temperature to return', enum: ['celsius', 'fahrenheit'] },
};

const WEATHER_PARAMETERS = { type: 'object', properties: WEATHER_PROPERTIES, required: ['location'] };

const WEATHER = tool('get_current_weather', 'Get the current weather in a given location', WEATHER_PARAMETERS);

describe('messages', () => {
  it.each([
    ['gpt-4-0613', 129],
    ['gpt-3.5-turbo-0125', 129],
    ['gpt-4o', 124],
    ['gpt-4o-mini', 124],
  ])("gives the cookbook's count for %s", (model, tokens) => {
    expect(countOf(model, CONVERSATION)).toEqual({ tokens, exact: true });
    expect(countOf(model, CONVERSATION, [])).toEqual({ tokens, exact: true });
  });

  it('counts a list of one text as that text', () => {
    const listed = CONVERSATION.map(({ content, ...rest }) => ({
      ...rest,
      content: [{ type: 'text', text: content }],
    }));
    expect(countOf('gpt-4o', listed)).toEqual({ tokens: 124, exact: true });
    const twice = {
      role: 'user',
      content: [
        { type: 'text', text: 'Good ' },
        { type: 'text', text: 'day' },
      ],
    };
    expect(countOf('gpt-4o', [twice])).toEqual({
      ...countOf('gpt-4o', [{ role: 'user', content: 'Good day' }]),
      exact: false,
    });
  });

  it('does not mind the empty fields of answers that clients send back', () => {
    const answer = { role: 'assistant', content: 'Hello' };
    const sentBack = { ...answer, refusal: null, annotations: [], tool_calls: undefined };
    expect(countOf('gpt-4o', [sentBack])).toEqual(countOf('gpt-4o', [answer]));
    expect(countOf('gpt-4o', [sentBack]).exact).toBe(true);
  });

  it.each([
    ['{"foo": "bar", "baz": 1.5}', 26],
    ['{"foo":"bar", "baz":\n\n 1.5}', 25],
  ])('counts a call as it was measured: %s', (text, tokens) => {
    const call = { id: 'call_1', type: 'function', function: { name: 'do_stuff', arguments: text } };
    expect(countOf('gpt-3.5-turbo', [{ role: 'assistant', content: '', tool_calls: [call] }])).toEqual({
      tokens,
      exact: false,
    });
  });

  it.each<[string, ChatMessage]>([
    ['a result of a tool', { role: 'tool', tool_call_id: 'call_1', content: '{"celsius": 18}' }],
    ['a call without a function', { role: 'assistant', content: null, tool_calls: [{ id: 'call_1', type: 'custom' }] }],
    ['an unknown role', { role: 'developer', content: 'Be brief.' }],
    ['an unknown field', { role: 'assistant', content: 'Hello', reasoning_content: 'A greeting.' }],
    ['no content', { role: 'user' }],
    ['content of another kind', { role: 'user', content: { text: 'Hello' } }],
    ['a name that is not text', { role: 'user', name: 7, content: 'Hello' }],
    ['an unknown part', { role: 'user', content: [{ type: 'input_audio', input_audio: { format: 'wav' } }, 'text'] }],
  ])('estimates %s', (_name, message) => {
    const { tokens, exact } = countOf('gpt-4o', [message]);
    expect(exact).toBe(false);
    expect(tokens).toBeGreaterThanOrEqual(7);
    expect(tokens).toBeLessThan(40);
  });

  it('does not count data as text', () => {
    const data = 'a'.repeat(1_000_000);
    const parts = [
      { type: 'input_audio', input_audio: { data, format: 'wav' } },
      { type: 'file', file: { filename: 'a.pdf', file_data: data } },
      { type: 'video_url', video_url: { url: `data:video/mp4;base64,${data}` } },
    ];
    expect(countOf('gpt-4o', [{ role: 'user', content: parts }]).tokens).toBeLessThan(100);
  });
});

describe('images', () => {
  const question = { type: 'text', text: 'repeat word from attached image' };
  const image = (url: string, detail?: string) => ({ type: 'image_url', image_url: { url, detail } });
  const head = Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x80\0\0\0\x40\x08\x06\0\0\0', 'latin1');
  const small = `data:image/png;base64,${head.toString('base64')}`;

  it.each([
    ['gpt-4o-2024-11-20', 'low', 97],
    ['gpt-4o-2024-11-20', 'high', 267],
    ['gpt-4o-mini-2024-07-18', 'low', 2_845],
    ['gpt-4o-mini-2024-07-18', 'high', 8_512],
    ['gpt-4.1-2025-04-14', 'high', 267],
  ])('gives what users of the API measured for 128 x 64, %s, %s', (model, detail, tokens) => {
    const message = { role: 'user', content: [question, image(small, detail)] };
    expect(countOf(model, [message])).toEqual({ tokens, exact: true });
  });

  it('estimates an image that is not in the request', () => {
    const message = { role: 'user', content: [question, image('https://example.com/a.png')] };
    expect(countOf('gpt-4o', [message])).toEqual({ tokens: 12 + 765, exact: false });
    const bare = { role: 'user', content: [question, { type: 'image_url', image_url: small }] };
    expect(countOf('gpt-4o', [bare])).toEqual({ tokens: 12 + 255, exact: true });
    const broken = { role: 'user', content: [question, { type: 'image_url' }] };
    expect(countOf('gpt-4o', [broken])).toEqual({ tokens: 12 + 765, exact: false });
  });
});

describe('tools', () => {
  it.each([
    ['gpt-3.5-turbo', 105],
    ['gpt-4', 105],
    ['gpt-4o', 101],
    ['gpt-4o-mini', 101],
  ])("gives the cookbook's count for %s", (model, tokens) => {
    expect(countOf(model, WEATHER_QUESTION, [WEATHER])).toEqual({ tokens, exact: true });
  });

  const HELLO = [{ role: 'user', content: 'hello' }];
  const GREETING = [
    { role: 'system', content: 'Hello' },
    { role: 'user', content: 'Hi there' },
  ];
  const EMPTY = { type: 'object', properties: {} };
  const objectOf = (properties: object, required?: readonly string[]) => ({
    type: 'object',
    properties,
    ...(required && { required }),
  });
  const kind = (name: string, rest: object) => objectOf({ kind: { type: 'string', const: name }, ...rest });

  /** What the API reported for gpt-3.5-turbo, from the tests of the package `openai-chat-tokens` and its fork. */
  it.each<[number, boolean, readonly ChatMessage[], readonly unknown[]]>([
    [31, true, HELLO, [tool('foo', undefined, EMPTY)]],
    [36, true, HELLO, [tool('foo', 'Do a foo', EMPTY)]],
    [49, true, HELLO, [tool('bing_bong', 'Do a bing bong', objectOf({ foo: { type: 'string' } }))]],
    [
      57,
      true,
      HELLO,
      [
        tool(
          'bing_bong',
          'Do a bing bong',
          objectOf({ foo: { type: 'string' }, bar: { type: 'number', description: 'A number' } }),
        ),
      ],
    ],
    [35, true, GREETING, [tool('do_stuff', undefined, EMPTY)]],
    [35, true, [{ role: 'system', content: 'Hello:' }, ...GREETING.slice(1)], [tool('do_stuff', undefined, EMPTY)]],
    [40, true, [{ role: 'system', content: 'Hello:' }, ...GREETING], [tool('do_stuff', undefined, EMPTY)]],
    [
      49,
      true,
      [{ role: 'system', content: 'Hello:' }, ...GREETING],
      [tool('do_stuff', undefined, EMPTY), tool('do_other_stuff', undefined, EMPTY)],
    ],
    [
      68,
      false,
      HELLO,
      [
        tool(
          'bing_bong',
          'Do a bing bong',
          objectOf({ foo: objectOf({ bar: { type: 'string', enum: ['a', 'b', 'c'] }, baz: { type: 'boolean' } }) }),
        ),
      ],
    ],
    [
      106,
      false,
      HELLO,
      [
        tool(
          'get_recipe',
          undefined,
          objectOf(
            {
              ingredients: {
                type: 'array',
                items: objectOf(
                  {
                    name: { type: 'string' },
                    unit: { enum: ['grams', 'ml', 'cups', 'pieces', 'teaspoons'], type: 'string' },
                    amount: { type: 'number' },
                  },
                  ['name', 'unit', 'amount'],
                ),
              },
              instructions: {
                type: 'array',
                items: { type: 'string' },
                description: 'Steps to prepare the recipe (no numbering)',
              },
              time_to_cook: { type: 'number', description: 'Total time to prepare the recipe in minutes' },
            },
            ['ingredients', 'instructions', 'time_to_cook'],
          ),
        ),
      ],
    ],
    [
      46,
      false,
      HELLO,
      [
        tool(
          'function',
          'description',
          objectOf({
            quality: objectOf({
              pros: {
                type: 'array',
                items: { type: 'string' },
                description: 'Write 3 points why this text is well written',
              },
            }),
          }),
        ),
      ],
    ],
    [
      44,
      false,
      GREETING,
      [tool('do_stuff', undefined, objectOf({ foo: { anyOf: [{ type: 'string', const: 'a' }, { type: 'number' }] } }))],
    ],
    [
      52,
      false,
      GREETING,
      [tool('do_stuff', undefined, objectOf({ foo: { anyOf: [kind('a', { baz: { type: 'boolean' } })] } }))],
    ],
    [
      80,
      false,
      GREETING,
      [
        tool(
          'do_stuff',
          undefined,
          objectOf({
            foo: {
              anyOf: [
                kind('a', { baz: { type: 'boolean' } }),
                kind('b', { qux: { type: 'number' } }),
                kind('c', { idk: { type: 'string' } }),
              ],
            },
          }),
        ),
      ],
    ],
  ])('gives the %i tokens that were measured (exact: %s)', (tokens, exact, messages, tools) => {
    expect(countOf('gpt-3.5-turbo', messages, tools)).toEqual({ tokens, exact });
  });

  it.each<[string, unknown]>([
    ['a field that is not known', { ...(WEATHER as object), strict: true }],
    ['strict mode', { type: 'function', function: { ...(WEATHER as { function: object }).function, strict: true } }],
    ['no parameters', tool('now', 'The time', undefined)],
    ['more in the parameters', tool('now', 'The time', { ...EMPTY, additionalProperties: false })],
    ['a description of two lines', tool('now', 'The time\nhere', EMPTY)],
    ['a default', tool('now', 'The time', objectOf({ zone: { type: 'string', default: 'UTC' } }))],
    ['two types', tool('now', 'The time', objectOf({ zone: { type: ['string', 'null'] } }))],
    ['numbers to choose from', tool('now', 'The time', objectOf({ zone: { type: 'number', enum: [1, 2] } }))],
    ['no schema', tool('now', 'The time', objectOf({ zone: true }))],
    ['a tool that is no function', { type: 'custom', custom: { name: 'now', description: 'The time' } }],
    ['nonsense', 'now'],
  ])('estimates %s', (_name, one) => {
    const { tokens, exact } = countOf('gpt-4o', GREETING, [one]);
    expect(exact).toBe(false);
    expect(tokens).toBeGreaterThan(countOf('gpt-4o', GREETING).tokens);
    expect(tokens).toBeLessThan(120);
  });

  it('withstands schemas without end', () => {
    let deep: object = { type: 'string' };
    let broad: object = { type: 'string' };
    for (let level = 0; level < 20_000; level++) deep = { type: ['array', 'object'], items: deep };
    for (let level = 0; level < 200; level++) {
      broad = { type: Array.from({ length: 50 }, () => 'object'), properties: { next: broad } };
    }
    const tools = [tool('deep', undefined, objectOf({ deep, broad })), { type: 'custom', custom: deep }];
    const counted = countOf('gpt-4o', GREETING, tools);
    expect(counted.exact).toBe(false);
    expect(counted.tokens).toBeLessThan(2_000);
  });
});
