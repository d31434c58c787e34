import { type Script, streamAnswer } from '../../gateway/test/support/test-gateway.ts';

/** The same answers as two providers give them: a text, two tool calls, a long text, each whole and streamed. */
interface ProviderScripts {
  readonly text: Script;
  readonly textStream: Script;
  readonly calls: Script;
  readonly callStream: Script;
  readonly longStream: Script;
  readonly failure: Script;
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz';

function json(body: object, status = 200): Script {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
}

/* OpenAI */

const chatUsage = {
  prompt_tokens: 30,
  completion_tokens: 5,
  total_tokens: 35,
  prompt_tokens_details: { cached_tokens: 10 },
};

function completion(message: object, finish_reason: string) {
  const choices = [{ index: 0, message: { role: 'assistant', refusal: null, ...message }, finish_reason }];
  return { id: 'c', object: 'chat.completion', created: 1, model: 'm', choices, usage: chatUsage };
}

function chunk(delta: object, finish_reason: string | null = null): string {
  const choices = [{ index: 0, delta, finish_reason }];
  return `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices })}\n\n`;
}

const chatEnd = (reason: string) => [
  chunk({}, reason),
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [], usage: chatUsage })}\n\n`,
  'data: [DONE]\n\n',
];

const toolCall = (id: string, city: string) => ({
  id,
  type: 'function',
  function: { name: 'weather', arguments: JSON.stringify({ city }) },
});

const toolChunks = (index: number, id: string, city: string) => [
  chunk({ tool_calls: [{ index, id, type: 'function', function: { name: 'weather', arguments: '' } }] }),
  chunk({ tool_calls: [{ index, function: { arguments: '{"city":' } }] }),
  chunk({ tool_calls: [{ index, function: { arguments: `"${city}"}` } }] }),
];

const opening = chunk({ role: 'assistant', content: '' });

const openai: ProviderScripts = {
  text: json(completion({ content: 'Hello 你好' }, 'stop')),
  textStream: streamAnswer([opening, chunk({ content: 'Hello ' }), chunk({ content: '你好' }), ...chatEnd('stop')]),
  calls: json(
    completion({ content: null, tool_calls: [toolCall('t1', 'Paris'), toolCall('t2', 'Rome')] }, 'tool_calls'),
  ),
  callStream: streamAnswer([
    opening,
    ...toolChunks(0, 't1', 'Paris'),
    ...toolChunks(1, 't2', 'Rome'),
    ...chatEnd('tool_calls'),
  ]),
  longStream: streamAnswer([opening, ...[...ALPHABET].map((content) => chunk({ content })), ...chatEnd('stop')]),
  failure: json(
    { error: { message: 'This is too odd.', type: 'invalid_request_error', param: null, code: null } },
    400,
  ),
};

/* Anthropic */

const inputUsage = { input_tokens: 20, cache_creation_input_tokens: 0, cache_read_input_tokens: 10 };

function message(content: object[], stop_reason: string | null, output_tokens: number) {
  const usage = { ...inputUsage, output_tokens };
  return {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'm',
    content,
    stop_reason,
    stop_sequence: null,
    usage,
  };
}

const event = (type: string, data: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;

const block = (index: number, content_block: object, deltas: object[]) => [
  event('content_block_start', { index, content_block }),
  ...deltas.map((delta) => event('content_block_delta', { index, delta })),
  event('content_block_stop', { index }),
];

const messageStart = event('message_start', { message: message([], null, 1) });

const messageEnd = (stop_reason: string) => [
  event('message_delta', { delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 5 } }),
  event('message_stop', {}),
];

const textBlock = (parts: readonly string[]) =>
  block(
    0,
    { type: 'text', text: '' },
    parts.map((text) => ({ type: 'text_delta', text })),
  );

const toolBlock = (index: number, id: string, city: string) =>
  block(
    index,
    { type: 'tool_use', id, name: 'weather', input: {} },
    ['', '{"city":', `"${city}"}`].map((partial_json) => ({ type: 'input_json_delta', partial_json })),
  );

const toolUse = (id: string, city: string) => ({ type: 'tool_use', id, name: 'weather', input: { city } });

const anthropic: ProviderScripts = {
  text: json(message([{ type: 'text', text: 'Hello 你好' }], 'end_turn', 5)),
  textStream: streamAnswer([
    messageStart,
    event('ping', {}),
    ...textBlock(['Hello ', '你好']),
    ...messageEnd('end_turn'),
  ]),
  calls: json(message([toolUse('t1', 'Paris'), toolUse('t2', 'Rome')], 'tool_use', 5)),
  callStream: streamAnswer([
    messageStart,
    ...toolBlock(0, 't1', 'Paris'),
    ...toolBlock(1, 't2', 'Rome'),
    ...messageEnd('tool_use'),
  ]),
  longStream: streamAnswer([messageStart, ...textBlock([...ALPHABET]), ...messageEnd('end_turn')]),
  failure: json({ type: 'error', error: { type: 'invalid_request_error', message: 'This is too odd.' } }, 400),
};

/** By the dialect of the provider. */
export const scripts = { openai, anthropic } as const;
