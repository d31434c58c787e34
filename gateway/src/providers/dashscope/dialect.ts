import type { JsonObject } from '../../protocols/json-fields.ts';
import type { Address, Dialect, HeaderFacts } from '../dialect.ts';
import { pathOf } from '../openai-compatible.ts';
import { dashscopeAnswer, dashscopeReader } from './answer.ts';
import { dashscopeRequest, isMultimodal } from './request.ts';

/** Alibaba's DashScope in its own form; its compatible mode is the dialect `openai`. */
export const dashscope: Dialect = {
  nativePath: () => undefined,
  plainPath: (baseUrl, operation) => `${versioned(baseUrl)}/${operation}`,
  headers: ({ secret, isStream }: HeaderFacts): Record<string, string> => ({
    ...(secret !== undefined && { authorization: `Bearer ${secret}` }),
    ...(isStream && { 'x-dashscope-sse': 'enable' }),
  }),
  translation: { path, request: dashscopeRequest, answer: dashscopeAnswer, reader: dashscopeReader },
};

/** The base URL may name the service only, or end in `/api/v1`. */
function versioned(baseUrl: string): string {
  const base = pathOf(baseUrl);
  return base.endsWith('/api/v1') ? base : `${base}/api/v1`;
}

function path({ baseUrl }: Address, body: JsonObject): string {
  const service = isMultimodal(body) ? 'multimodal-generation' : 'text-generation';
  return `${versioned(baseUrl)}/services/aigc/${service}/generation`;
}
