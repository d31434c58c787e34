import type { PolicyScope } from '@ai-gateway/contracts';

/** What policies are chosen and counted by. */
export interface RequestFacts {
  readonly namespaceId: string;
  readonly virtualKeyId?: string | undefined;
  /** Whose virtual key it is. */
  readonly userId?: string | undefined;
  readonly tenantId?: string | undefined;
  readonly customerTypeId?: string | undefined;
  readonly providerId?: string | undefined;
  /** As the provider knows it. */
  readonly model?: string | undefined;
  /** What `countPer: model` counts by: the model, or the provider's pattern when only that lists it. */
  readonly listedModel?: string | undefined;
  readonly upstreamId?: string | undefined;
}

/** Does a scope cover a request? Every field that is set must fit. */
export function concerns(scope: PolicyScope, facts: RequestFacts): boolean {
  return (
    (scope.virtualKeyId === undefined || scope.virtualKeyId === facts.virtualKeyId) &&
    (scope.tenantId === undefined || scope.tenantId === facts.tenantId) &&
    (scope.customerTypeId === undefined || scope.customerTypeId === facts.customerTypeId) &&
    (scope.providerId === undefined || scope.providerId === facts.providerId) &&
    (scope.upstreamId === undefined || scope.upstreamId === facts.upstreamId) &&
    (scope.model === undefined || isModel(scope.model, facts.model))
  );
}

/** Is `model` named by a pattern: exactly, or by the prefix before a final `*`? */
export function isModel(pattern: string, model: string | undefined): boolean {
  if (model === undefined) return false;
  return pattern.endsWith('*') ? model.startsWith(pattern.slice(0, -1)) : model === pattern;
}
