import type { BodyRow, Snapshot } from '@ai-gateway/contracts';
import type { Stamps, TableName } from '../db/tables.ts';

/** The rules without the facts of a revision: what two revisions are compared by. */
export type SnapshotContent = Omit<Snapshot, 'epoch' | 'revision' | 'createdAt'>;

/** The lists of the rules as gateways take them, in their order, each with the table that holds its rows. */
const TABLE_OF: { readonly [List in keyof SnapshotContent]: TableName } = {
  namespaces: 'namespace',
  matchers: 'matcher',
  policies: 'policy',
  providers: 'provider',
  upstreams: 'upstream',
  providerKeys: 'provider_key',
  virtualKeys: 'virtual_key',
  customerTypes: 'customer_type',
  tenants: 'tenant',
  prices: 'price',
  layeredLimits: 'layered_limit',
  fallbacks: 'fallback',
  models: 'model',
  redirects: 'redirect',
  locations: 'location',
  users: 'end_user',
  rates: 'rate',
  accounts: 'account',
  portkeyConfigs: 'portkey_config',
};

/** The same, one by one. */
export const LISTS = Object.entries(TABLE_OF) as readonly (readonly [keyof SnapshotContent, TableName])[];

/** Tables whose rows are rules. */
export const RULE_TABLES: ReadonlySet<TableName> = new Set(LISTS.map(([, table]) => table));

/** Rules without any row. */
export const NO_RULES = Object.fromEntries(LISTS.map(([list]) => [list, []])) as unknown as SnapshotContent;

/** A row of a table as gateways take it. */
export function ruleOf<T extends Stamps>(row: T): BodyRow {
  // Every table has a column `id`.
  return withoutStamps(row) as unknown as BodyRow;
}

/** A row without when and how often it was changed. */
export function withoutStamps<T extends Stamps>({
  version: _,
  createdAt: __,
  updatedAt: ___,
  ...row
}: T): Omit<T, keyof Stamps> {
  return row;
}
