import type { LayeredControl, LayeredLimit } from '@ai-gateway/contracts';
import { type Limit, type LimitBase, windowLimit } from './plan.ts';
import type { RequestFacts } from './request-facts.ts';

/** Layered limits by level and control: one look-up per level. */
export type LayeredLimits = ReadonlyMap<string, LayeredLimit>;

export function indexLayeredLimits(rows: readonly LayeredLimit[]): LayeredLimits {
  return new Map(rows.map((row) => [keyOf(row.limit.control, row), row]));
}

/**
 * The row that holds for a control: of model, provider, tenant, customer type and global the first that has one. It
 * replaces the others whole, whether its bound is lower or higher.
 */
export function winningLimit(
  rows: LayeredLimits,
  control: LayeredControl,
  facts: RequestFacts,
): LayeredLimit | undefined {
  for (const level of levelsOf(facts)) {
    const found = rows.get(keyOf(control, level));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** All rows that concern a request, the one that holds first; those after it are replaced by it. */
export function layersFor(rows: LayeredLimits, control: LayeredControl, facts: RequestFacts): readonly LayeredLimit[] {
  return levelsOf(facts).flatMap((level) => rows.get(keyOf(control, level)) ?? []);
}

/** Levels that a request stands at, the most specific first. */
function levelsOf({ tenantId, customerTypeId, providerId, model }: RequestFacts): readonly Level[] {
  const levels: Level[] = [];
  if (tenantId !== undefined) {
    const tenant = { targetType: 'tenant', targetId: tenantId } as const;
    if (providerId !== undefined && model !== undefined) levels.push({ ...tenant, providerId, model });
    if (providerId !== undefined) levels.push({ ...tenant, providerId });
    levels.push(tenant);
  }
  if (customerTypeId !== undefined) levels.push({ targetType: 'customer_type', targetId: customerTypeId });
  levels.push({ targetType: 'global' });
  return levels;
}

/** The limits of a request that layered limits set: its requests and its tokens per window. */
export function layeredLimitsFor(rows: LayeredLimits, facts: RequestFacts, isQueued: boolean): readonly Limit[] {
  if (rows.size === 0) return [];
  return [winningLimit(rows, 'rpm', facts), winningLimit(rows, 'tpm', facts)].flatMap((row) =>
    row === undefined ? [] : layeredCounter(row, facts, isQueued),
  );
}

/** The counter of a row for a request; none for controls of balances. */
export function layeredCounter(row: LayeredLimit, facts: RequestFacts, isQueued: boolean): readonly Limit[] {
  // The counter belongs to the level that the row stands at, unless each payer is to have its own.
  const payer = row.countPer === 'payer' ? (facts.tenantId ?? facts.userId ?? facts.virtualKeyId ?? '') : undefined;
  const base: Omit<LimitBase, 'key'> = {
    policyId: row.id,
    policyName: layeredLimitName(row),
    isObserved: false,
    onLimiterDown: row.onLimiterDown,
    isQueued,
    countedFor: payer,
  };
  const name = payer === undefined ? row.id : `${row.id}/${payer}`;
  const { limit } = row;
  switch (limit.control) {
    case 'rpm':
      return [
        windowLimit(base, name, { counts: 'requests', windowSeconds: limit.windowSeconds, max: limit.maxRequests }),
      ];
    case 'tpm':
      return [windowLimit(base, name, { counts: 'total', windowSeconds: limit.windowSeconds, max: limit.maxTokens })];
    case 'soft_limit':
    case 'hard_limit':
      return [];
    default:
      return limit satisfies never;
  }
}

/** What a refusal calls the row: its control and its level. */
/** What people know a layered limit by. */
export function layeredLimitName({ limit, targetType, targetId, providerId, model }: LayeredLimit): string {
  return [`${limit.control} of ${targetType}`, targetId, providerId, model]
    .filter((part) => part !== undefined)
    .join(' ');
}

type Level = Pick<LayeredLimit, 'targetType' | 'targetId' | 'providerId' | 'model'>;

function keyOf(control: LayeredControl, { targetType, targetId = '', providerId = '', model = '' }: Level): string {
  return `${control} ${targetType} ${targetId} ${providerId} ${model}`;
}
