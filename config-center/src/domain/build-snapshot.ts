import type { Snapshot } from '@ai-gateway/contracts';
import type { Row, Stamps, TableName } from '../db/tables.ts';

/** The rules without the facts of a revision: what two revisions are compared by. */
export type SnapshotContent = Omit<Snapshot, 'epoch' | 'revision' | 'createdAt'>;

/** All rows that make up the rules. */
export type AllRows = { readonly [Name in TableName]: readonly Row<Name>[] };

/** The rules as gateways take them; the same rows give the same bytes. */
export function buildSnapshot(rows: AllRows): SnapshotContent {
  return {
    namespaces: rows.namespace.map(withoutStamps),
    matchers: rows.matcher.map(withoutStamps),
    policies: rows.policy.map(withoutStamps),
    providers: rows.provider.map(withoutStamps),
    upstreams: rows.upstream.map(withoutStamps),
    virtualKeys: rows.virtual_key.map(withoutStamps),
    customerTypes: rows.customer_type.map(withoutStamps),
    tenants: rows.tenant.map(withoutStamps),
    prices: rows.price.map(withoutStamps),
    layeredLimits: rows.layered_limit.map(withoutStamps),
    models: rows.model.map(withoutStamps),
    redirects: rows.redirect.map(withoutStamps),
    locations: rows.location.map(withoutStamps),
    users: rows.end_user.map(withoutStamps),
  };
}

function withoutStamps<T extends Stamps>({
  version: _,
  createdAt: __,
  updatedAt: ___,
  ...row
}: T): Omit<T, keyof Stamps> {
  return row;
}
