import { matchWildcard, type Namespace } from '@ai-gateway/contracts';

/** Who asks, as far as the models that it may use depend on it. */
export interface ModelAccess {
  readonly namespace: Pick<
    Namespace,
    'id' | 'allowedModels' | 'deniedModels' | 'defaultProviderId' | 'defaultUpstreamId'
  >;
  /** Those of the virtual key; empty means all. */
  readonly keyModels: readonly string[];
}

/**
 * May this model of this provider be used? The namespace's deny list goes first; then its allow list and that of the key
 * must both let it through. An entry means the model at any provider, or `provider/model`.
 */
export function mayUse({ namespace, keyModels }: ModelAccess, provider: string, model: string): boolean {
  const { allowedModels, deniedModels } = namespace;
  const names = [model, `${provider}/${model}`];
  const isListed = (patterns: readonly string[]) =>
    patterns.some((pattern) => names.some((name) => matchWildcard(pattern, name) !== undefined));
  if (deniedModels.length > 0 && isListed(deniedModels)) return false;
  return [allowedModels, keyModels].every((patterns) => patterns.length === 0 || isListed(patterns));
}
