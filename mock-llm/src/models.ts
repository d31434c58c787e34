import { CREATED } from './answer.ts';

/** Models that the mock always serves; any name that begins with `mock` is served too. */
export const MODELS = ['Qwen3-8B', 'Qwen3-32B', 'gpt-4o-mini', 'mock-echo'] as const;

/** Whether the mock serves a model, its name without control suffix. */
export function servesModel(name: string, extraModels: readonly string[]): boolean {
  return (MODELS as readonly string[]).includes(name) || name.startsWith('mock') || extraModels.includes(name);
}

/** One entry of `GET /v1/models`. */
export function modelEntry(id: string) {
  return { id, object: 'model', created: CREATED, owned_by: 'mock-llm' };
}
