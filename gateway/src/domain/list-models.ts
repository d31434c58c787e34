import type { Model } from '@ai-gateway/contracts';
import { redirectsOf } from './compile-routing.ts';
import type { CompiledConfig } from './compile-snapshot.ts';
import { GatewayError } from './gateway-error.ts';
import type { ModelAccess } from './model-access.ts';
import { resolveModel } from './resolve-model.ts';
import { findServed } from './served-models.ts';

/** A model that a caller may use, under one of the names that it may use for it. */
export interface ListedModel {
  readonly name: string;
  readonly provider: string;
  readonly row: Model | undefined;
}

/** Every name that a caller may use: exact names and aliases of models, and what redirects make of one of them. */
export function listModels(config: CompiledConfig, access: ModelAccess): readonly ListedModel[] {
  const names = new Set([
    ...config.providers.flatMap(({ provider }) => [...(config.served.get(provider.id)?.exact.keys() ?? [])]),
    ...redirectsOf(config, access.namespace.id).exact.keys(),
  ]);
  return [...names].flatMap((name) => findModel(config, access, name) ?? []);
}

/** One model that a caller may use, also by `provider/model` or a name that only a pattern lists. */
export function findModel(config: CompiledConfig, access: ModelAccess, name: string): ListedModel | undefined {
  try {
    const { provider, resolvedModel } = resolveModel(config, { ...access, requestedModel: name });
    const served = findServed(config.served.get(provider.provider.id), resolvedModel);
    return { name, provider: provider.provider.name, row: served?.row };
  } catch (error) {
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}
