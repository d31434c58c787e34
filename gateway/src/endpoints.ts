import { messagesWriter } from './protocols/anthropic/answer.ts';
import { messagesError } from './protocols/anthropic/error.ts';
import { messagesUpstreamBody, parseCount, parseMessages } from './protocols/anthropic/request.ts';
import type { ClientProtocol } from './protocols/client-protocol.ts';
import { parseChat, upstreamBody } from './protocols/openai-chat.ts';
import {
  completionUpstreamBody,
  completionWriter,
  embeddingUpstreamBody,
  parseCompletion,
  parseEmbedding,
} from './protocols/openai-texts.ts';
import { responsesWriter } from './protocols/responses/answer.ts';
import { parseResponses, responsesUpstreamBody } from './protocols/responses/request.ts';
import { chatFormat, embeddingFormat } from './streaming/chat-format.ts';
import { messagesFormat } from './streaming/messages-format.ts';
import { responsesFormat } from './streaming/responses-format.ts';

const openaiChat: ClientProtocol = {
  name: 'openai-chat',
  parse: parseChat,
  upstreamBody,
  format: chatFormat,
  writer: undefined,
  errorBody: (error, requestId) => error.body(requestId),
};

const anthropicMessages: ClientProtocol = {
  name: 'anthropic-messages',
  parse: parseMessages,
  upstreamBody: messagesUpstreamBody,
  format: messagesFormat,
  writer: messagesWriter,
  errorBody: messagesError,
};

const openaiError: ClientProtocol['errorBody'] = (error, requestId) => error.body(requestId);

const openaiCompletions: ClientProtocol = {
  name: 'openai-completions',
  parse: parseCompletion,
  upstreamBody: completionUpstreamBody,
  format: chatFormat,
  writer: completionWriter,
  errorBody: openaiError,
};

const openaiEmbeddings: ClientProtocol = {
  name: 'openai-embeddings',
  parse: parseEmbedding,
  upstreamBody: embeddingUpstreamBody,
  format: embeddingFormat,
  writer: undefined,
  errorBody: openaiError,
};

const openaiResponses: ClientProtocol = {
  name: 'openai-responses',
  parse: parseResponses,
  upstreamBody: responsesUpstreamBody,
  format: responsesFormat,
  writer: responsesWriter,
  errorBody: openaiError,
};

/** `POST /v1/messages/count_tokens`: a request that names no maximum and gets no answer of a model. */
export const messagesCount: ClientProtocol = { ...anthropicMessages, parse: parseCount };

export const COUNT_PATH = '/v1/messages/count_tokens';

/** Which protocol is spoken where. */
export const ENDPOINTS: ReadonlyMap<string, ClientProtocol> = new Map([
  ['/v1/chat/completions', openaiChat],
  ['/api/chat', openaiChat],
  ['/api/chat/completions', openaiChat],
  ['/v1/completions', openaiCompletions],
  ['/v1/embeddings', openaiEmbeddings],
  ['/v1/responses', openaiResponses],
  ['/v1/messages', anthropicMessages],
]);
