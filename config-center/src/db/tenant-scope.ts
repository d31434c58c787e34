import { Refusal } from '../domain/faults.ts';
import type { Resources } from './store.ts';
import type { TableName } from './tables.ts';

/** Which rows of a table belong to a tenant, and what it may not set in them. */
interface Scope {
  /** Fields that all rows of the tenant have. */
  readonly where: (tenantId: string) => Readonly<Record<string, unknown>>;
  /** Fields that stay as they are, since they decide which limits hold. */
  readonly fixed: readonly string[];
}

/** A table without a scope is hidden from tenants. */
const SCOPES: { readonly [Name in TableName]: Scope | 'hidden' } = {
  namespace: 'hidden',
  matcher: 'hidden',
  policy: 'hidden',
  provider: 'hidden',
  upstream: 'hidden',
  provider_key: 'hidden',
  virtual_key: { where: (tenantId) => ({ tenantId }), fixed: ['customerTypeId'] },
  model: 'hidden',
  redirect: 'hidden',
  location: 'hidden',
  end_user: 'hidden',
  customer_type: 'hidden',
  tenant: { where: (id) => ({ id }), fixed: ['customerTypeId'] },
  price: 'hidden',
  fallback: 'hidden',
  layered_limit: { where: (targetId) => ({ targetType: 'tenant', targetId }), fixed: [] },
  portkey_config: 'hidden',
  rate: 'hidden',
  account: { where: (tenantId) => ({ tenantId }), fixed: [] },
  policy_test: 'hidden',
};

type Fields = Readonly<Record<string, unknown>>;

/**
 * The resources as a tenant sees them: rows of others are not there, and what it makes is its own. Without a tenant all
 * of them.
 */
export function scopedTo(tenantId: string | undefined, resources: Resources): Resources {
  if (tenantId === undefined) return resources;
  const whereOf = (table: TableName): Fields | undefined => {
    const scope = SCOPES[table];
    return scope === 'hidden' ? undefined : scope.where(tenantId);
  };
  /** What both ask for; undefined when no row can have it. */
  const narrowed = (table: TableName, wanted: Fields = {}): Fields | undefined => {
    const own = whereOf(table);
    return own !== undefined && hasAll({ ...own, ...wanted }, own) ? { ...wanted, ...own } : undefined;
  };
  const read: Resources['read'] = async (table, id) => {
    const row = await resources.read(table, id);
    const own = whereOf(table);
    return row !== undefined && own !== undefined && hasAll(row, own) ? row : undefined;
  };
  return {
    ...resources,
    read,
    async list(table, query) {
      const where = narrowed(table, query.where);
      return where === undefined ? { items: [], total: 0 } : resources.list(table, { ...query, where });
    },
    async all(table, wanted) {
      const where = narrowed(table, wanted);
      return where === undefined ? [] : resources.all(table, where);
    },
    async insert(table, row, at) {
      const own = whereOf(table);
      if (own === undefined) throw new Refusal(403, 'Your role may not make this.');
      refuseForeign({ ...own, ...definedOf(row) }, own);
      refuseForeign(row, Object.fromEntries(fixedOf(table).map((field) => [field, undefined])));
      return resources.insert(table, { ...row, ...own }, at);
    },
    async update(table, row, at) {
      const before = await read(table, row.id);
      if (before === undefined) return undefined;
      const own = whereOf(table) ?? {};
      const current: Fields = { ...before };
      const kept = Object.fromEntries(fixedOf(table).map((field) => [field, current[field]]));
      refuseForeign({ ...own, ...definedOf(row) }, own);
      refuseForeign(row, kept);
      return resources.update(table, { ...row, ...own }, at);
    },
    async remove(table, wanted) {
      const where = narrowed(table, wanted);
      return where === undefined ? 0 : resources.remove(table, where);
    },
  };
}

function fixedOf(table: TableName): readonly string[] {
  const scope = SCOPES[table];
  return scope === 'hidden' ? [] : scope.fixed;
}

function definedOf<T extends object>(row: T): T {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined)) as T;
}

function hasAll(row: object, wanted: Fields): boolean {
  return Object.entries(wanted).every(([field, value]) => (row as Fields)[field] === value);
}

/** @throws Refusal 403 that names the fields that are not for a tenant to set */
function refuseForeign(row: object, wanted: Fields): void {
  const faults = Object.entries(wanted)
    .filter(([field, value]) => (row as Fields)[field] !== value)
    .map(([path]) => ({ path, message: 'Your role may not set this.' }));
  if (faults.length > 0) throw new Refusal(403, 'Your role may not do this.', faults);
}
