import type { Provider } from '@ai-gateway/contracts';
import { anthropic } from './anthropic/dialect.ts';
import type { Dialect } from './dialect.ts';
import { openaiCompatible, openaiResponses } from './openai-compatible.ts';

const DIALECTS: Readonly<Record<Provider['dialect'], Dialect>> = {
  openai: openaiCompatible,
  'openai-responses': openaiResponses,
  anthropic,
};

/** The wire format that a provider speaks. */
export function dialectOf({ dialect }: Pick<Provider, 'dialect'>): Dialect {
  return DIALECTS[dialect];
}
