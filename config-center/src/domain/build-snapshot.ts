import type { Snapshot } from '@ai-gateway/contracts';
import type { Row, TableName, Times } from '../db/tables.ts';

/** The rules without the facts of a revision: what two revisions are compared by. */
export type SnapshotContent = Omit<Snapshot, 'epoch' | 'revision' | 'createdAt'>;

/** All rows that make up the rules. */
export type AllRows = { readonly [Name in TableName]: readonly Row<Name>[] };

/** The rules as gateways take them; the same rows give the same bytes. */
export function buildSnapshot(rows: AllRows): SnapshotContent {
  return {
    namespaces: rows.namespace.map(withoutTimes),
    matchers: rows.matcher.map(withoutTimes),
    policies: rows.policy.map(withoutTimes),
    providers: rows.provider.map(withoutTimes),
    upstreams: rows.upstream.map(withoutTimes),
    virtualKeys: rows.virtual_key.map(withoutTimes),
    customerTypes: rows.customer_type.map(withoutTimes),
    tenants: rows.tenant.map(withoutTimes),
    prices: rows.price.map(withoutTimes),
    layeredLimits: rows.layered_limit.map(withoutTimes),
  };
}

function withoutTimes<T extends Times>({ createdAt: _, updatedAt: __, ...row }: T): Omit<T, keyof Times> {
  return row;
}
