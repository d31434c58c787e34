import type { Address, Dialect, HeaderFacts } from '../dialect.ts';
import { pathOf } from '../openai-compatible.ts';
import { geminiAnswer, geminiReader } from './answer.ts';
import { geminiRequest } from './request.ts';

/** Google's Gemini API. A base that ends in a version is taken as it is; otherwise `/v1beta` is added. */
export const gemini: Dialect = {
  nativePath: () => undefined,
  plainPath: (baseUrl, operation) => `${versioned(baseUrl)}/${operation}`,
  headers: ({ secret }: HeaderFacts): Record<string, string> =>
    secret === undefined ? {} : { 'x-goog-api-key': secret },
  translation: { path, request: geminiRequest, answer: geminiAnswer, reader: geminiReader },
};

function versioned(baseUrl: string): string {
  const base = pathOf(baseUrl);
  return /\/v\d+(beta\d*|alpha)?$/.test(base) ? base : `${base}/v1beta`;
}

function path({ baseUrl, model, isStream }: Address): string {
  const operation = isStream ? 'streamGenerateContent?alt=sse' : 'generateContent';
  return `${versioned(baseUrl)}/models/${encodeURIComponent(model)}:${operation}`;
}
