import type { UsageDimension } from '@ai-gateway/contracts';
import type { Connection } from './connection.ts';
import type { UsageGroup } from './usage.ts';

/** Names by id, for each dimension that has ids. */
export type UsageNames = Readonly<Partial<Record<UsageDimension, ReadonlyMap<string, string>>>>;

/** A table of names, and the column by which a tenant owns its rows; without one they are hidden from tenants. */
interface Source {
  readonly table: string;
  readonly owner?: string;
}

const NAMED: readonly (readonly [UsageDimension, Source])[] = [
  ['namespace', { table: 'namespace' }],
  ['virtualKey', { table: 'virtual_key', owner: 'tenant_id' }],
  ['user', { table: 'end_user' }],
  ['tenant', { table: 'tenant', owner: 'id' }],
  ['provider', { table: 'provider' }],
];

/** Ids that are looked up at once, far below the parameters that a statement may have. */
const LOOKED_UP_AT_ONCE = 1_000;

/**
 * The names of what groups are of, as far as there still is such a row.
 * @param tenantId of a caller who sees only names of that tenant
 */
export async function usageNames(
  connection: Connection,
  groups: readonly UsageGroup[],
  tenantId: string | undefined,
): Promise<UsageNames> {
  const names = await Promise.all(
    NAMED.map(async ([dimension, source]) => {
      const ids = [...new Set(groups.flatMap(({ group }) => group[dimension] || []))];
      return [dimension, await namesIn(connection, source, { ids, tenantId })] as const;
    }),
  );
  return Object.fromEntries(names);
}

async function namesIn(
  connection: Connection,
  { table, owner }: Source,
  { ids, tenantId }: { readonly ids: readonly string[]; readonly tenantId: string | undefined },
): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  if (tenantId !== undefined && owner === undefined) return names;
  for (let from = 0; from < ids.length; from += LOOKED_UP_AT_ONCE) {
    const some = ids.slice(from, from + LOOKED_UP_AT_ONCE);
    let rows = connection.selectFrom(table).select(['id', 'name']).where('id', 'in', some);
    if (tenantId !== undefined && owner !== undefined) rows = rows.where(owner, '=', tenantId);
    for (const { id, name } of await rows.execute()) names.set(String(id), String(name));
  }
  return names;
}
