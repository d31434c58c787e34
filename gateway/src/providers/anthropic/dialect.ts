import type { Address, Dialect, HeaderFacts } from '../dialect.ts';
import { operationPath } from '../openai-compatible.ts';
import { chatAnswer, messagesReader } from './answer.ts';
import { messagesRequest } from './request.ts';

/** Version of the API that the translation is written for; clients of Anthropic name their own. */
const VERSION = '2023-06-01';

const path = ({ baseUrl }: Address) => operationPath(baseUrl, 'messages');

/** Anthropic's Messages API, and servers that offer the same. */
export const anthropic: Dialect = {
  nativePath: (protocol, address) => (protocol === 'anthropic-messages' ? path(address) : undefined),
  plainPath: operationPath,
  headers({ secret, client }: HeaderFacts) {
    const { 'anthropic-version': version, 'anthropic-beta': beta } = client;
    return {
      'anthropic-version': typeof version === 'string' ? version : VERSION,
      ...(typeof beta === 'string' && { 'anthropic-beta': beta }),
      ...(secret !== undefined && { 'x-api-key': secret }),
    };
  },
  translation: { path, request: messagesRequest, answer: chatAnswer, reader: messagesReader },
};
