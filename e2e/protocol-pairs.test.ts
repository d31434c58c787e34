import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import Anthropic from '@anthropic-ai/sdk';
import { ChatAnthropic } from '@langchain/anthropic';
import { type AIMessageChunk, HumanMessage } from '@langchain/core/messages';
import { tool as langchainTool } from '@langchain/core/tools';
import { ChatOpenAI } from '@langchain/openai';
import { generateText, isStepCount, jsonSchema, streamText, type ToolSet, tool } from 'ai';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { policy, rulesWith, type Script, startGateway, startUpstream } from '../gateway/test/support/test-gateway.ts';
import { toyCount } from '../gateway/test/support/toy-tokenizer.ts';
import { scripts } from './support/scripted-providers.ts';

/** The whole of a streamed message. */
async function joined(stream: AsyncIterable<AIMessageChunk>): Promise<AIMessageChunk> {
  let whole: AIMessageChunk | undefined;
  for await (const chunk of stream) whole = whole === undefined ? chunk : whole.concat(chunk);
  if (whole === undefined) throw new Error('nothing was streamed');
  return whole;
}

/** Official clients of both protocols, through the gateway, to scripted providers of both. */
const DIALECTS = ['openai', 'anthropic'] as const;
const MODEL = 'm';
const headers = { 'X-Channel-Code': 'test-channel' };
const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } as const;
const description = 'Weather of a city';
const cities = [{ city: 'Paris' }, { city: 'Rome' }];

let upstream: Awaited<ReturnType<typeof startUpstream>>;
let gateway: Awaited<ReturnType<typeof startGateway>>;

beforeAll(async () => {
  (globalThis as { AI_SDK_LOG_WARNINGS?: boolean }).AI_SDK_LOG_WARNINGS = false;
  upstream = await startUpstream(() => {});
  gateway = await startGateway(rulesWith([upstream.url]));
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

function play(dialect: string, script: Script, policies: object[] = []): void {
  const providers = [{ id: 'p1', name: 'acme', models: [MODEL], dialect }];
  gateway.setRules(rulesWith([upstream.url], { providers, policies }));
  upstream.seen.length = 0;
  upstream.play(script);
}

const sent = () => JSON.parse(upstream.seen.at(-1)?.body ?? '{}');
const lastUsage = () => gateway.records.at(-1)?.outcome.usage;

describe.each(DIALECTS)('to a provider that speaks %s', (dialect) => {
  const { text, textStream, calls, callStream, longStream, failure } = scripts[dialect];
  const callsThenText: Script = (...call) => (call[2].includes('18 C') ? textStream(...call) : callStream(...call));
  const openai = () =>
    new OpenAI({ apiKey: 'x', baseURL: `${gateway.url}/v1`, defaultHeaders: headers, maxRetries: 0 });
  const anthropic = () => new Anthropic({ apiKey: 'x', baseURL: gateway.url, defaultHeaders: headers, maxRetries: 0 });
  const user = [{ role: 'user' as const, content: 'Weather in Paris and Rome?' }];
  const openaiTools = [{ type: 'function' as const, function: { name: 'weather', description, parameters: schema } }];
  const anthropicTools = [{ name: 'weather', description, input_schema: { ...schema, required: ['city'] } }];

  describe('the openai client', () => {
    it('gets a text and its usage', async () => {
      play(dialect, text);
      const answer = await openai().chat.completions.create({ model: MODEL, messages: user });
      expect(answer.choices[0]).toMatchObject({ message: { content: 'Hello 你好' }, finish_reason: 'stop' });
      expect(answer.usage).toMatchObject({
        prompt_tokens: 30,
        completion_tokens: 5,
        prompt_tokens_details: { cached_tokens: 10 },
      });
      expect(lastUsage()).toMatchObject({ inputTokens: 30, outputTokens: 5, source: 'provider' });
    });

    it('streams a text', async () => {
      play(dialect, textStream);
      const stream = openai().chat.completions.stream({
        model: MODEL,
        messages: user,
        stream_options: { include_usage: true },
      });
      expect((await stream.finalChatCompletion()).choices[0]?.message.content).toBe('Hello 你好');
      expect((await stream.totalUsage()).prompt_tokens).toBe(30);
    });

    it('calls two tools at once and gives their results back', async () => {
      play(dialect, calls);
      const request = { model: MODEL, messages: user, tools: openaiTools };
      const first = (await openai().chat.completions.create(request)).choices[0];
      const called = first?.message.tool_calls ?? [];
      expect(called.map((call) => call.type === 'function' && JSON.parse(call.function.arguments))).toEqual(cities);
      expect(first?.finish_reason).toBe('tool_calls');
      play(dialect, text);
      const results = called.map(({ id }) => ({ role: 'tool' as const, tool_call_id: id, content: '18 C' }));
      const messages = [...user, first?.message as OpenAI.ChatCompletionMessage, ...results];
      await openai().chat.completions.create({ ...request, messages });
      expect(JSON.stringify(sent().messages).match(/18 C/g)).toHaveLength(2);
    });

    it('streams two tool calls', async () => {
      play(dialect, callStream);
      const stream = openai().chat.completions.stream({ model: MODEL, messages: user, tools: openaiTools });
      const called = (await stream.finalChatCompletion()).choices[0]?.message.tool_calls ?? [];
      expect(called.map((call) => call.type === 'function' && JSON.parse(call.function.arguments))).toEqual(cities);
    });

    it('is cut at the exact token and told so', async () => {
      play(dialect, longStream, [policy('cap', { kind: 'token-limit', maxOutputTokens: 5 })]);
      const answer = await openai().chat.completions.stream({ model: MODEL, messages: user }).finalChatCompletion();
      expect(answer.choices[0]).toMatchObject({
        message: { content: 'abcdefghijklmnopqrst' },
        finish_reason: 'length',
      });
      expect(lastUsage()).toMatchObject({ outputTokens: 5, source: 'counted' });
    });

    it('gets responses with reasoning, text and calls, whole and streamed', async () => {
      const request = {
        model: MODEL,
        input: 'Weather?',
        tools: [{ type: 'function' as const, name: 'weather', parameters: schema, strict: true }],
      };
      play(dialect, text);
      const answer = await openai().responses.create(request);
      expect(answer).toMatchObject({ status: 'completed', output_text: 'Hello 你好' });
      expect(answer.usage).toMatchObject({ input_tokens: 30, output_tokens: 5, total_tokens: 35 });
      play(dialect, textStream);
      expect((await openai().responses.stream(request).finalResponse()).output_text).toBe('Hello 你好');
      play(dialect, callStream);
      const { output } = await openai().responses.stream(request).finalResponse();
      const called = output.filter((item) => item.type === 'function_call');
      expect(called.map((call) => JSON.parse(call.arguments))).toEqual(cities);
      play(dialect, text);
      const results = called.map(({ call_id }) => ({ type: 'function_call_output' as const, call_id, output: '18 C' }));
      await openai().responses.create({ ...request, input: [...called, ...results] });
      expect(JSON.stringify(sent().messages).match(/18 C/g)).toHaveLength(2);
      play(dialect, longStream, [policy('cap', { kind: 'token-limit', maxOutputTokens: 5 })]);
      const cut = await openai().responses.stream(request).finalResponse();
      expect(cut).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } });
      expect(cut.output_text).toBe('abcdefghijklmnopqrst');
      await expect(openai().responses.create({ ...request, previous_response_id: 'resp_1' })).rejects.toMatchObject({
        status: 400,
        param: 'previous_response_id',
      });
    });

    it('learns what the provider refuses', async () => {
      play(dialect, failure);
      const failed = openai().chat.completions.create({ model: MODEL, messages: user });
      await expect(failed).rejects.toMatchObject({ status: 400, message: expect.stringContaining('too odd') });
    });
  });

  describe('the anthropic client', () => {
    const request = { model: MODEL, max_tokens: 500, messages: user };

    it('gets a text and its usage', async () => {
      play(dialect, text);
      const answer = await anthropic().messages.create(request);
      expect(answer).toMatchObject({ type: 'message', content: [{ type: 'text', text: 'Hello 你好' }] });
      expect(answer.stop_reason).toBe('end_turn');
      expect(answer.usage).toMatchObject({ input_tokens: 20, cache_read_input_tokens: 10, output_tokens: 5 });
    });

    it('streams a text', async () => {
      play(dialect, textStream);
      const answer = await anthropic().messages.stream(request).finalMessage();
      expect(answer.content).toMatchObject([{ type: 'text', text: 'Hello 你好' }]);
      expect(answer.usage).toMatchObject({ output_tokens: 5 });
      expect(lastUsage()).toMatchObject({ inputTokens: 30, outputTokens: 5, source: 'provider' });
    });

    it('calls two tools at once and gives their results back', async () => {
      play(dialect, calls);
      const first = await anthropic().messages.create({ ...request, tools: anthropicTools });
      const called = first.content.filter((block) => block.type === 'tool_use');
      expect(called.map(({ input }) => input)).toEqual(cities);
      expect(first.stop_reason).toBe('tool_use');
      play(dialect, text);
      const content = called.map(({ id }) => ({ type: 'tool_result' as const, tool_use_id: id, content: '18 C' }));
      const messages = [
        ...user,
        { role: 'assistant' as const, content: first.content },
        { role: 'user' as const, content },
      ];
      await anthropic().messages.create({ ...request, tools: anthropicTools, messages });
      expect(JSON.stringify(sent().messages).match(/18 C/g)).toHaveLength(2);
    });

    it('streams two tool calls', async () => {
      play(dialect, callStream);
      const answer = await anthropic()
        .messages.stream({ ...request, tools: anthropicTools })
        .finalMessage();
      const called = answer.content.filter((block) => block.type === 'tool_use');
      expect(called.map(({ input }) => input)).toEqual(cities);
      expect(answer.stop_reason).toBe('tool_use');
    });

    it('is cut at the exact token and told so', async () => {
      play(dialect, longStream, [policy('cap', { kind: 'token-limit', maxOutputTokens: 5 })]);
      const answer = await anthropic().messages.stream(request).finalMessage();
      expect(answer.content).toMatchObject([{ text: 'abcdefghijklmnopqrst' }]);
      expect(answer.stop_reason).toBe('max_tokens');
      expect(answer.usage.output_tokens).toBe(5);
    });

    it('learns what the provider refuses, in its own shape', async () => {
      play(dialect, failure);
      const failed = anthropic().messages.create(request);
      await expect(failed).rejects.toMatchObject({ status: 400, type: 'invalid_request_error' });
      await expect(failed).rejects.toThrow('too odd');
    });

    it('counts tokens without asking the provider', async () => {
      play(dialect, text);
      const { input_tokens } = await anthropic().messages.countTokens({ model: MODEL, messages: user });
      expect(input_tokens).toBe(toyCount(user[0]?.content ?? ''));
      expect(upstream.seen).toHaveLength(0);
    });
  });

  describe.each([
    ['chat completions', () => createOpenAI({ apiKey: 'x', baseURL: `${gateway.url}/v1`, headers }).chat(MODEL)],
    ['messages', () => createAnthropic({ apiKey: 'x', baseURL: `${gateway.url}/v1`, headers })(MODEL)],
    ['responses', () => createOpenAI({ apiKey: 'x', baseURL: `${gateway.url}/v1`, headers }).responses(MODEL)],
  ])('the ai client over %s', (_name, model) => {
    // The types of the client and of its schemas do not agree under exact optional properties.
    const tools = { weather: tool({ description, inputSchema: jsonSchema(schema as never) }) } as unknown as ToolSet;

    it('generates and streams text and tool calls', async () => {
      play(dialect, text);
      expect((await generateText({ model: model(), prompt: 'Hi' })).text).toBe('Hello 你好');
      play(dialect, textStream);
      expect(await streamText({ model: model(), prompt: 'Hi' }).text).toBe('Hello 你好');
      play(dialect, calls);
      const plain = await generateText({ model: model(), prompt: 'Hi', tools });
      expect(plain.toolCalls.map(({ input }) => input)).toEqual(cities);
      play(dialect, callStream);
      const streamed = await streamText({ model: model(), prompt: 'Hi', tools }).toolCalls;
      expect(streamed.map(({ input }) => input)).toEqual(cities);
    });

    it('runs the tools of a stream and streams on with their results', async () => {
      play(dialect, callsThenText);
      const run = { weather: { ...tools.weather, execute: async () => '18 C' } } as unknown as ToolSet;
      const result = streamText({ model: model(), prompt: 'Hi', tools: run, stopWhen: isStepCount(2) });
      expect(await result.text).toBe('Hello 你好');
      expect(await result.steps).toHaveLength(2);
      expect(upstream.seen).toHaveLength(2);
      expect(JSON.stringify(sent()).match(/18 C/g)).toHaveLength(2);
    });
  });

  describe.each([
    [
      'chat completions',
      () =>
        new ChatOpenAI({
          model: MODEL,
          apiKey: 'x',
          maxRetries: 0,
          configuration: { baseURL: `${gateway.url}/v1`, defaultHeaders: headers },
        }),
    ],
    [
      'messages',
      () =>
        new ChatAnthropic({
          model: MODEL,
          apiKey: 'x',
          maxRetries: 0,
          maxTokens: 500,
          anthropicApiUrl: gateway.url,
          clientOptions: { defaultHeaders: headers },
        }),
    ],
  ])('the langchain client over %s', (_name, model) => {
    const weather = langchainTool(() => '18 C', { name: 'weather', description, schema: schema as never });

    it('invokes and streams text and tool calls', async () => {
      play(dialect, text);
      expect((await model().invoke('Hi')).text).toBe('Hello 你好');
      play(dialect, textStream);
      let streamed = '';
      for await (const chunk of await model().stream('Hi')) streamed += chunk.text;
      expect(streamed).toBe('Hello 你好');
      play(dialect, calls);
      const { tool_calls = [] } = await model().bindTools([weather]).invoke('Hi');
      expect(tool_calls.map(({ args }) => args)).toEqual(cities);
    });

    it('streams tool calls, and a text once it has their results', async () => {
      play(dialect, callsThenText);
      const armed = model().bindTools([weather]);
      const whole = await joined(await armed.stream('Hi'));
      const called = whole.tool_calls ?? [];
      expect(called.map(({ name, args }) => [name, args])).toEqual(cities.map((city) => ['weather', city]));
      const results = await Promise.all(called.map((call) => weather.invoke({ ...call, type: 'tool_call' })));
      const answer = await joined(await armed.stream([new HumanMessage('Hi'), whole, ...results]));
      expect(answer.text).toBe('Hello 你好');
      expect(JSON.stringify(sent().messages).match(/18 C/g)).toHaveLength(2);
    });
  });
});
