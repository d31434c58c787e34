import type { Fallback } from '@ai-gateway/contracts';
import { isModel } from '@ai-gateway/limits';
import type { CompiledConfig, CompiledProvider } from './compile-snapshot.ts';
import { type ModelChoice, resolveModel } from './resolve-model.ts';
import { factsOfModel, findServed } from './served-models.ts';

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
    const next = choiceOf(config, namespaceId, target, choice.resolvedModel);
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
  namespaceId: string,
  { providerId, model }: Fallback['targets'][number],
  sameModel: string,
): ModelChoice | undefined {
  if (providerId !== undefined) {
    const provider = config.providers.find((candidate) => candidate.provider.id === providerId);
    return provider && choiceAt(config, provider, model ?? sameModel);
  }
  try {
    const namespace = config.namespaces.get(namespaceId)?.namespace;
    // The operator names the target, so what keys may ask for by themselves is not the question.
    return namespace && resolveModel(config, { requestedModel: model ?? sameModel, namespace, keyModels: [] });
  } catch {
    // The model is not served any more; the chain goes on without it.
    return undefined;
  }
}

/** A model of a provider, whether the provider lists it or not. */
function choiceAt({ served }: CompiledConfig, provider: CompiledProvider, name: string): ModelChoice {
  const model = findServed(served.get(provider.provider.id), name);
  return {
    provider,
    resolvedModel: model?.name ?? name,
    upstreamModel: model?.upstreamName ?? name,
    listedModel: model?.listedName ?? name,
    ...factsOfModel(model?.row),
    preferredUpstreamId: undefined,
  };
}

function isSame(left: ModelChoice, right: ModelChoice): boolean {
  return left.resolvedModel === right.resolvedModel && left.provider.provider.id === right.provider.provider.id;
}
