import type { Dialect, HeaderFacts } from '../dialect.ts';
import { openaiCompatible } from '../openai-compatible.ts';
import { headerJson, portkeyConfigOf } from './config.ts';

/**
 * A Portkey gateway: OpenAI's API, and headers that say where to send the request. The provider's own key is the one that
 * a hosted Portkey asks for.
 */
export const portkey: Dialect = {
  ...openaiCompatible,
  headers: ({ secret, portkey: call }: HeaderFacts): Record<string, string> => ({
    ...(secret !== undefined && { 'x-portkey-api-key': secret }),
    ...(call !== undefined && {
      'x-portkey-config': headerJson(portkeyConfigOf(call)),
      'x-portkey-metadata': headerJson(call.metadata),
      'x-portkey-trace-id': call.traceId,
    }),
  }),
};
