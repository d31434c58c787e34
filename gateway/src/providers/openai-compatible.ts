import type { ProtocolName } from '../protocols/client-protocol.ts';
import { type JsonObject, objectsIn } from '../protocols/json-fields.ts';
import { NO_LOSSES } from '../protocols/losses.ts';
import { maxTokensField } from '../protocols/openai-chat.ts';
import type { Address, ChatCall, Dialect, HeaderFacts, TranslatedCall } from './dialect.ts';

/** Path of a base URL, without a slash at its end and without its query. */
export function pathOf(baseUrl: string): string {
  return new URL(baseUrl).pathname.replace(/\/+$/, '');
}

/**
 * Path of an operation on an OpenAI-compatible base URL. A base that ends in a version (`/v1`, `/compatible-mode/v1`,
 * `/api/paas/v4`) is taken as it is; otherwise `/v1` is added, so that both spellings reach the same place.
 */
export function operationPath(baseUrl: string, operation: string): string {
  const base = pathOf(baseUrl);
  return `${/\/v\d+$/.test(base) ? base : `${base}/v1`}/${operation}`;
}

/** Where the provider takes requests of the protocols that it speaks itself. */
const OPERATIONS: Readonly<Partial<Record<ProtocolName, string>>> = {
  'openai-chat': 'chat/completions',
  'openai-completions': 'completions',
  'openai-embeddings': 'embeddings',
};

const path = ({ baseUrl }: Address) => operationPath(baseUrl, 'chat/completions');

/** OpenAI's API, and the many servers that offer the same. */
export const openaiCompatible: Dialect = {
  nativePath(protocol, { baseUrl }) {
    const operation = OPERATIONS[protocol];
    return operation === undefined ? undefined : operationPath(baseUrl, operation);
  },
  plainPath: operationPath,
  headers: ({ secret }: HeaderFacts): Record<string, string> =>
    secret === undefined ? {} : { authorization: `Bearer ${secret}` },
  translation: { path, request: chatRequest, answer: (answer) => answer, reader: () => undefined },
};

/** OpenAI itself, and servers that offer its Responses API as well. */
export const openaiResponses: Dialect = {
  ...openaiCompatible,
  nativePath: (protocol, address) =>
    protocol === 'openai-responses'
      ? operationPath(address.baseUrl, 'responses')
      : openaiCompatible.nativePath(protocol, address),
};

/** A request that came in another protocol; reasoning of earlier turns is left out, as OpenAI does not take it back. */
function chatRequest({ body, model, isStream, maxTokens }: ChatCall): TranslatedCall {
  const { max_tokens: _, max_completion_tokens: __, ...rest } = body;
  return {
    losses: NO_LOSSES,
    body: {
      ...rest,
      model,
      messages: objectsIn(body.messages).map(withoutReasoning),
      ...(maxTokens !== undefined && { [maxTokensField(model)]: maxTokens }),
      ...(isStream && { stream_options: { include_usage: true } }),
    },
  };
}

function withoutReasoning({ reasoning_content: _, ...message }: JsonObject): JsonObject {
  return message;
}
