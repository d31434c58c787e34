import { describe, expect, it } from 'vitest';
import { saneUsage, type TokenUsage } from './outcome.ts';
import { compareInput, compareOutput, isComparable } from './token-drift.ts';

const usage = (inputTokens: number, outputTokens: number): TokenUsage => ({
  inputTokens,
  outputTokens,
  source: 'provider',
});
const exact = (tokens: number) => ({ tokens, exact: true });
const body = (more: object = {}, content: unknown = 'hi') => ({ messages: [{ role: 'user', content }], ...more });

describe('an input', () => {
  it('is compared with what the provider reports', () => {
    expect(compareInput(body(), exact(20), usage(22, 1))).toEqual({
      direction: 'input',
      counted: 20,
      reported: 22,
      exact: true,
      ratio: 1,
    });
  });

  it.each([
    ['parts that are text', body({}, [{ type: 'text', text: 'hi' }])],
    ['no content', body({}, null)],
    ['fields that are null', body({ response_format: null, functions: null })],
    ['fields that add nothing', body({ temperature: 1, tools: [] })],
  ])('with %s is', (_name, request) => {
    expect(compareInput(request, exact(20), usage(20, 1))).toBeDefined();
  });

  it.each([
    ['an image', [{ type: 'image_url', image_url: {} }]],
    ['a part of no kind', [null]],
    ['an object for content', { text: 'hi' }],
  ])('with %s is only when its count is exact', (_name, content) => {
    expect(compareInput(body({}, content), exact(20), usage(20, 1))).toBeDefined();
    expect(compareInput(body({}, content), { tokens: 20, exact: false }, usage(20, 1))).toBeUndefined();
  });

  it.each([
    ['a schema for the answer', body({ response_format: { type: 'json_schema' } })],
    ['functions', body({ functions: [] })],
    ['a template of its own', body({ chat_template: '{{ x }}' })],
  ])('with %s is not', (_name, request) => {
    expect(compareInput(request, exact(20), usage(20, 1))).toBeUndefined();
  });

  it('is not when a rule of thumb or nothing was counted', () => {
    expect(compareInput(body(), { tokens: 20, exact: false, isRough: true }, usage(20, 1))).toBeUndefined();
    expect(compareInput(body(), exact(0), usage(20, 1))).toBeUndefined();
    const estimate = { tokens: 20, exact: false, ratio: 1.2 };
    expect(compareInput(body(), estimate, usage(20, 1))).toMatchObject({ exact: false, ratio: 1.2 });
  });
});

describe('an output', () => {
  const output = (choices = 1) => ({ choices, isContentOnly: true });

  it.each([
    ['reasoning that is hidden', { completion_tokens_details: { reasoning_tokens: 64 } }],
    ['audio', { completion_tokens_details: { audio_tokens: 5 } }],
    ['rejected predictions', { completion_tokens_details: { rejected_prediction_tokens: 5 } }],
  ])('with %s is not compared', (_name, details) => {
    const reported = saneUsage({ prompt_tokens: 10, completion_tokens: 300, ...details });
    expect(reported && isComparable(output(), reported)).toBe(false);
  });

  it.each([[{}], [{ completion_tokens_details: null }], [{ completion_tokens_details: { reasoning_tokens: 0 } }]])(
    'with usage %j is',
    (details) => {
      const reported = saneUsage({ prompt_tokens: 10, completion_tokens: 300, ...details });
      expect(reported && isComparable(output(), reported)).toBe(true);
      expect(reported && isComparable({ choices: 1, isContentOnly: false }, reported)).toBe(false);
    },
  );

  it.each([
    { name: 'the token that ends an answer of 99', choices: 1, counted: 99, reported: 100, isCompared: false },
    { name: 'two tokens more than 99', choices: 1, counted: 99, reported: 101, isCompared: true },
    { name: 'a hundred', choices: 1, counted: 100, reported: 101, isCompared: true },
    { name: 'a hundred in two choices', choices: 2, counted: 100, reported: 100, isCompared: false },
    { name: 'two hundred in two choices', choices: 2, counted: 200, reported: 202, isCompared: true },
    { name: 'a report of far more than was delivered', choices: 1, counted: 3, reported: 500, isCompared: true },
    { name: 'a report of nothing', choices: 1, counted: 150, reported: 0, isCompared: true },
  ])('$name: $isCompared', ({ choices, counted, reported, isCompared }) => {
    const compared = compareOutput(output(choices), exact(counted), usage(10, reported));
    expect(compared).toEqual(
      isCompared ? { direction: 'output', counted, reported, exact: true, ratio: 1 } : undefined,
    );
  });
});
