import type { CountedPer, LayeredLimit } from '@ai-gateway/contracts';
import { type Limit, layeredCounter, limitsFor, type PlannedLimit, type RequestFacts } from '@ai-gateway/limits';
import type { CompiledConfig, CompiledNamespace } from './compile-snapshot.ts';

/** Counters that are listed of one policy that counts per key, model or the like. */
const LISTED_PER_POLICY = 200;

/** A namespace's own counters, those of policies of all namespaces, and of layered limits. */
export function countersOf(config: CompiledConfig, namespace: CompiledNamespace): readonly Limit[] {
  const { stream, plain, passthrough } = namespace.planned;
  const planned = new Set(
    [stream, plain, passthrough].flatMap(({ general, perUpstream }) => [...general, ...perUpstream]),
  );
  const byKey = new Map<string, Limit>();
  for (const one of planned) {
    for (const limit of countersOfPlanned(one, namespace.namespace.id, config)) byKey.set(limit.key, limit);
  }
  for (const row of config.layeredLimits.values()) {
    for (const limit of countersOfRow(row, config)) byKey.set(limit.key, limit);
  }
  return [...byKey.values()];
}

/** All that a policy may count by, as far as the rules name it. */
function countersOfPlanned(planned: PlannedLimit, namespaceId: string, config: CompiledConfig): readonly Limit[] {
  let combinations: RequestFacts[] = [{ namespaceId, ...planned.scope }];
  for (const dimension of planned.countPer) {
    combinations = combinations
      .flatMap((facts) => valuesOf(dimension, config).map((value) => ({ ...facts, ...value })))
      .slice(0, LISTED_PER_POLICY);
  }
  return combinations.flatMap((facts) => limitsFor([{ ...planned, scope: {} }], facts));
}

function countersOfRow(row: LayeredLimit, config: CompiledConfig): readonly Limit[] {
  if (row.countPer === 'level') return layeredCounter(row, { namespaceId: '' }, false);
  return valuesOf('tenant', config)
    .filter(({ tenantId }) => row.targetType !== 'tenant' || row.targetId === tenantId)
    .slice(0, LISTED_PER_POLICY)
    .flatMap((facts) => layeredCounter(row, { namespaceId: '', ...facts }, false));
}

function valuesOf(dimension: CountedPer, config: CompiledConfig): readonly Partial<RequestFacts>[] {
  switch (dimension) {
    case 'namespace':
      return [{}];
    case 'virtualKey':
      return distinct([...config.virtualKeys.values()].map(({ id }) => id)).map((virtualKeyId) => ({ virtualKeyId }));
    case 'tenant':
      return distinct([...config.payers.values()].map(({ tenantId }) => tenantId)).map((tenantId) => ({ tenantId }));
    case 'customerType':
      return distinct([...config.payers.values()].map((payer) => payer.customerTypeId)).map((customerTypeId) => ({
        customerTypeId,
      }));
    case 'provider':
      return config.providers.map(({ provider }) => ({ providerId: provider.id }));
    case 'upstream':
      return config.providers.flatMap(({ upstreams }) => upstreams.map(({ id }) => ({ upstreamId: id })));
    case 'model':
      return distinct([...config.modelNames, ...config.providers.flatMap(({ provider }) => provider.models)]).map(
        (name) => ({
          listedModel: name,
        }),
      );
    default:
      return dimension satisfies never;
  }
}

function distinct(values: readonly (string | undefined)[]): readonly string[] {
  return [...new Set(values.filter((value) => value !== undefined))];
}
