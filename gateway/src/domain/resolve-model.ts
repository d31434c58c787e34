import { isModel } from '@ai-gateway/limits';
import type { CompiledConfig, CompiledProvider } from './compile-snapshot.ts';
import { GatewayError } from './gateway-error.ts';

/** Where a model goes: the provider, and the name that the provider knows it by. */
export interface ModelChoice {
  readonly provider: CompiledProvider;
  readonly resolvedModel: string;
}

/**
 * `provider/model` names a provider only when such a provider exists; otherwise the whole string is a model name, and
 * the enabled provider of smallest priority that lists it serves it. An exact name wins over a pattern of equal priority.
 * @throws GatewayError `model_not_found`
 */
export function resolveModel(config: CompiledConfig, requestedModel: string): ModelChoice {
  const slash = requestedModel.indexOf('/');
  const prefix = slash > 0 ? requestedModel.slice(0, slash) : undefined;
  const named = config.providers.find(({ provider }) => provider.name === prefix);
  const resolvedModel = named === undefined ? requestedModel : requestedModel.slice(slash + 1);

  const provider = named === undefined ? bestProvider(config, resolvedModel) : named;
  if (provider === undefined || matchStrength(provider, resolvedModel) === 0) {
    throw new GatewayError('model_not_found', {
      message: `The model "${requestedModel}" does not exist or is not served here.`,
      param: 'model',
    });
  }
  return { provider, resolvedModel };
}

function bestProvider(config: CompiledConfig, model: string): CompiledProvider | undefined {
  let best: CompiledProvider | undefined;
  for (const candidate of config.providers) {
    const strength = matchStrength(candidate, model);
    if (strength === 0) continue;
    if (best === undefined) best = candidate;
    else if (candidate.provider.priority > best.provider.priority) break;
    else if (strength > matchStrength(best, model)) best = candidate;
  }
  return best;
}

/** 2 for an exact name, 1 for a pattern, 0 when the provider does not list the model. */
function matchStrength({ provider }: CompiledProvider, model: string): 0 | 1 | 2 {
  if (provider.models.includes(model)) return 2;
  return provider.models.some((pattern) => isModel(pattern, model)) ? 1 : 0;
}
