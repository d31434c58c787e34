import type { ModelsResponse } from '@ai-gateway/contracts';

/** Model names to begin with: what is left of the table's matches without the `*` at the end. */
export function suggestedModels(models: ModelsResponse['models']): readonly string[] {
  const names = models.flatMap(({ match }) => match).map((pattern) => pattern.replace(/\*$/, ''));
  return [...new Set(names.filter((name) => /[^-_./:]$/.test(name) && !/[*#]/.test(name)))];
}
