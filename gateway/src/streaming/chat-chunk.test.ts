import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseChunk, readChunk, textPieces } from './chat-chunk.ts';

it('reads the same text with and without parsing, whatever the text is', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }),
      fc.boolean(),
      fc.constantFrom(0, 1, 10),
      (text, hasNullUsage, index) => {
        const chunk = {
          id: 'c',
          choices: [{ index, delta: { content: text }, logprobs: null, finish_reason: null }],
          ...(hasNullUsage && { usage: null }),
        };
        const data = JSON.stringify(chunk);
        const expected = text === '' ? [] : [{ lane: `${index}:content`, text }];
        expect(readChunk(data)?.pieces.filter((piece) => piece.text !== '')).toEqual(expected);
      },
    ),
  );
});

it.each([
  ['an escape', '{"choices":[{"index":0,"delta":{"content":"a\\"b"},"finish_reason":null}]}', 'a"b'],
  ['a second field', '{"choices":[{"index":0,"delta":{"content":"a","refusal":"r"},"finish_reason":null}]}', 'ar'],
  [
    'a second delta',
    '{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null},{"index":1,"delta":{"content":"b"},"finish_reason":null}]}',
    'ab',
  ],
  [
    'keys quoted in the text',
    '{"choices":[{"index":0,"delta":{"content":"\\"delta\\":{\\"content\\":\\"x\\"}"},"finish_reason":null}]}',
    '"delta":{"content":"x"}',
  ],
])('parses an event with %s', (_name, data, text) => {
  expect(
    readChunk(data)
      ?.pieces.map((piece) => piece.text)
      .join(''),
  ).toBe(text);
});

it('sees usage, finish reasons and errors', () => {
  expect(readChunk('{"choices":[],"usage":{"prompt_tokens":1}}')).toMatchObject({
    isUsageOnly: true,
    usage: { prompt_tokens: 1 },
  });
  expect(readChunk('{"choices":[{"index":2,"delta":{"content":"x"},"finish_reason":"stop"}]}')).toMatchObject({
    finished: [2],
  });
  expect(readChunk('{"error":{"message":"no"}}')).toMatchObject({ error: 'no' });
  expect(readChunk('nonsense')).toBeUndefined();
});

it('takes reasoning, refusals, tool names and arguments for text', () => {
  const choice = parseChunk(
    '{"choices":[{"index":1,"delta":{"reasoning_content":"r","tool_calls":[{"index":3,"function":{"name":"f","arguments":"{}"}}]}}]}',
  )?.choices?.[0];
  expect(choice && textPieces(choice, choice.delta)).toEqual([
    { lane: '1:reasoning_content', text: 'r' },
    { lane: '1:tool3.name', text: 'f' },
    { lane: '1:tool3', text: '{}' },
  ]);
});
