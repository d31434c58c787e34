import type { Provider } from '@ai-gateway/contracts';
import { anthropic } from './anthropic/dialect.ts';
import { azureOpenai } from './azure-openai.ts';
import { deepseek, moonshot, zhipu } from './compatible-with-limits.ts';
import { dashscope } from './dashscope/dialect.ts';
import type { Dialect } from './dialect.ts';
import { gemini } from './gemini/dialect.ts';
import { openaiCompatible, openaiResponses } from './openai-compatible.ts';
import { portkey } from './portkey/dialect.ts';

const DIALECTS: Readonly<Record<Provider['dialect'], Dialect>> = {
  openai: openaiCompatible,
  'openai-responses': openaiResponses,
  anthropic,
  'azure-openai': azureOpenai,
  dashscope,
  deepseek,
  gemini,
  moonshot,
  portkey,
  zhipu,
};

/** The wire format that a provider speaks. */
export function dialectOf({ dialect }: Pick<Provider, 'dialect'>): Dialect {
  return DIALECTS[dialect];
}
