import { api, dataOf } from '../../api/client.ts';
import { useAnswer, useRead } from '../../api/queries.ts';

/** How often the tables are asked for, ms: vocabularies are loaded when needed, and estimates learn. */
const MODELS_MS = 5_000;

/** What is to be counted. */
export interface Question {
  readonly model: string;
  readonly text: string;
  /** As the one message of a user. */
  readonly isChat: boolean;
}

/** How each model is counted. */
export function useModels() {
  return useRead(['tokens', 'models'], () => dataOf(api.GET('/api/v2/tokens/models')), MODELS_MS);
}

/** The tokens of a text or chat. */
export function useTokens({ model, text, isChat }: Question) {
  const body = isChat ? { model, messages: [{ role: 'user', content: text }] } : { model, text };
  return useAnswer(['tokens', 'of', body], (signal) => dataOf(api.POST('/api/v2/tokens/tokenize', { body, signal })));
}
