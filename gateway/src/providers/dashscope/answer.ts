import { GatewayError } from '../../domain/gateway-error.ts';
import { countIn, type JsonObject, objectIn, objectsIn, textIn } from '../../protocols/json-fields.ts';
import type { AnswerFacts, StreamReader } from '../dialect.ts';
import { eventObject } from '../translating.ts';

/** A plain answer of DashScope as a chat completion. */
export function dashscopeAnswer(answer: JsonObject, { nowSeconds, model }: AnswerFacts): JsonObject {
  const output = objectIn(answer.output);
  if (output === undefined) {
    throw new GatewayError('upstream_error', { message: 'The provider answered without output.' });
  }
  const choices = choicesIn(output).map((choice, place) => {
    const message = objectIn(choice.message) ?? {};
    return {
      index: countIn(choice.index) || place,
      message: { ...message, content: contentOf(message) },
      logprobs: choice.logprobs ?? null,
      finish_reason: choice.finish_reason,
    };
  });
  return {
    id: answer.request_id,
    object: 'chat.completion',
    created: nowSeconds,
    model,
    choices,
    usage: usageOf(answer),
  };
}

/** Models of before `result_format: message` answer with a bare text. */
function choicesIn(output: JsonObject): readonly JsonObject[] {
  if (Array.isArray(output.choices)) return objectsIn(output.choices);
  return [{ finish_reason: output.finish_reason, message: { role: 'assistant', content: textIn(output.text) } }];
}

/** The multimodal service answers in parts. */
function contentOf({ content }: JsonObject): string {
  return typeof content === 'string'
    ? content
    : objectsIn(content)
        .map(({ text }) => textIn(text))
        .join('');
}

function usageOf({ usage }: JsonObject): JsonObject {
  const { input_tokens, output_tokens, prompt_tokens_details, output_tokens_details } = objectIn(usage) ?? {};
  return {
    prompt_tokens: input_tokens,
    completion_tokens: output_tokens,
    total_tokens: countIn(input_tokens) + countIn(output_tokens),
    prompt_tokens_details: { cached_tokens: countIn(objectIn(prompt_tokens_details)?.cached_tokens) },
    ...(output_tokens_details !== undefined && { completion_tokens_details: output_tokens_details }),
  };
}

/** Reads DashScope's stream with `incremental_output` as one of chat completions. Every event repeats the usage. */
export function dashscopeReader({ nowSeconds, model }: AnswerFacts): StreamReader {
  return {
    read(event) {
      const data = eventObject(event);
      if (data === undefined) return [];
      const output = objectIn(data.output);
      if (output === undefined)
        return [`data: ${JSON.stringify({ error: { message: data.message, code: data.code } })}`];
      const head = { id: data.request_id, object: 'chat.completion.chunk', created: nowSeconds, model };
      const write = (more: JsonObject) => `data: ${JSON.stringify({ ...head, ...more })}`;
      const choices = choicesIn(output).map(chunkChoice);
      const isEnd = choices.some(({ finish_reason }) => finish_reason !== null);
      const chunk = write({ choices });
      return isEnd ? [chunk, write({ choices: [], usage: usageOf(data) })] : [chunk];
    },
  };
}

/** Before the end, the finish reason is the word "null". */
function chunkChoice(choice: JsonObject): JsonObject {
  const { reasoning_content, tool_calls, role } = objectIn(choice.message) ?? {};
  const content = contentOf(objectIn(choice.message) ?? {});
  const isOpen = choice.finish_reason === 'null' || typeof choice.finish_reason !== 'string';
  const calls = objectsIn(tool_calls);
  return {
    index: countIn(choice.index),
    delta: {
      role,
      ...(content !== '' && { content }),
      ...(textIn(reasoning_content) !== '' && { reasoning_content }),
      ...(calls.length > 0 && { tool_calls: calls.map(withoutEmptyId) }),
    },
    finish_reason: isOpen ? null : choice.finish_reason,
  };
}

/** Later parts of a call have an empty id, which clients would take for a new one. */
function withoutEmptyId({ id, ...call }: JsonObject): JsonObject {
  return textIn(id) === '' ? call : { id, ...call };
}
