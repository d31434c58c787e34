import type { Address, Dialect, HeaderFacts } from '../dialect.ts';
import { pathOf } from '../openai-compatible.ts';
import { geminiAnswer, geminiReader } from './answer.ts';
import { geminiRequest } from './request.ts';

/** Google's Gemini API. A base that ends in a version is taken as it is; otherwise `/v1beta` is added. */
export const gemini: Dialect = {
  nativePath: () => undefined,
  headers: ({ secret }: HeaderFacts): Record<string, string> =>
    secret === undefined ? {} : { 'x-goog-api-key': secret },
  translation: { path, request: geminiRequest, answer: geminiAnswer, reader: geminiReader },
};

function path({ baseUrl, model, isStream }: Address): string {
  const base = pathOf(baseUrl);
  const versioned = /\/v\d+(beta\d*|alpha)?$/.test(base) ? base : `${base}/v1beta`;
  const operation = isStream ? 'streamGenerateContent?alt=sse' : 'generateContent';
  return `${versioned}/models/${encodeURIComponent(model)}:${operation}`;
}
