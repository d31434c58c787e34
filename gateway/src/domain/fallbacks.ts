import type { Fallback } from '@ai-gateway/contracts';
import { isModel } from '@ai-gateway/limits';
import type { CompiledConfig } from './compile-snapshot.ts';

import { type ModelChoice, resolveModel } from './resolve-model.ts';

/**
 * Who answers for a model, in the order of trying: its own provider, then what the fallback rule names. A target that
 * names a provider alone asks it for the same model; one that names a model alone goes where that model is served.
 * Targets that lead nowhere now are left out.
 */
export function chainFor(config: CompiledConfig, namespaceId: string, choice: ModelChoice): readonly ModelChoice[] {
  const rule = ruleFor(config.fallbacks, namespaceId, choice.resolvedModel);
  if (rule === undefined) return [choice];
  const chain = [choice];
  for (const target of rule.targets) {
    const next = choiceOf(config, target, choice.resolvedModel);
    if (next !== undefined && !chain.some((known) => isSame(known, next))) chain.push(next);
  }
  return chain;
}

function ruleFor(fallbacks: readonly Fallback[], namespaceId: string, model: string): Fallback | undefined {
  return fallbacks.find(
    (rule) => (rule.namespaceId === undefined || rule.namespaceId === namespaceId) && isModel(rule.model, model),
  );
}

function choiceOf(
  config: CompiledConfig,
  { providerId, model }: Fallback['targets'][number],
  sameModel: string,
): ModelChoice | undefined {
  if (providerId !== undefined) {
    const provider = config.providers.find((candidate) => candidate.provider.id === providerId);
    return provider && { provider, resolvedModel: model ?? sameModel };
  }
  try {
    return resolveModel(config, model ?? sameModel);
  } catch {
    // The model is not served any more; the chain goes on without it.
    return undefined;
  }
}

function isSame(left: ModelChoice, right: ModelChoice): boolean {
  return left.resolvedModel === right.resolvedModel && left.provider.provider.id === right.provider.provider.id;
}
