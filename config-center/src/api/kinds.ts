import { MAX_POLICY_TESTS, type PolicyScope } from '@ai-gateway/contracts';
import type { Resources } from '../db/store.ts';
import type { Rows, TableName } from '../db/tables.ts';
import { checkLayeredLimit, checkMatcher, checkPolicy, checkProvider, checkUpstream } from '../domain/check-draft.ts';
import { type Fault, Refusal, type RowUser } from '../domain/faults.ts';

/** What is particular about one kind of resource. */
export interface Kind<Name extends TableName> {
  readonly table: Name;
  readonly prefix: string;
  readonly name: string;
  /** Fields that a replacement leaves as they are. */
  readonly kept?: readonly (keyof Rows[Name] & string)[];
  /** Faults beyond the shapes of the fields, including those that need other rows. */
  readonly check: (row: Rows[Name], resources: Resources) => Promise<readonly Fault[]>;
  /** Refuses, or removes what belongs to the row. */
  readonly beforeRemove: (id: string, resources: Resources) => Promise<void>;
}

export const namespaces: Kind<'namespace'> = {
  table: 'namespace',
  prefix: 'ns',
  name: 'namespace',
  check: (row, resources) => unique(resources, 'namespace', 'code', row),
  async beforeRemove(id, resources) {
    const keys = await resources.all('virtual_key');
    refuseWhenUsed(keys.filter(({ namespaceIds }) => namespaceIds.includes(id)).map(userOf('virtual key')));
    await resources.remove('matcher', { namespaceId: id });
    await resources.remove('policy', { namespaceId: id });
  },
};

export const matchers: Kind<'matcher'> = {
  table: 'matcher',
  prefix: 'mat',
  name: 'matcher',
  async check(row, resources) {
    const others = await resources.all('matcher');
    const twin = others.find(
      (other) =>
        other.id !== row.id &&
        other.namespaceId !== row.namespaceId &&
        other.source === row.source &&
        other.field.toLowerCase() === row.field.toLowerCase() &&
        other.operator === row.operator &&
        other.value === row.value &&
        other.priority === row.priority,
    );
    if (twin !== undefined) {
      const message = 'Another namespace has the same condition at the same priority.';
      throw new Refusal(409, message, [{ path: 'value', message }]);
    }
    return [...checkMatcher(row), ...(await exists(resources, 'namespace', 'namespaceId', row.namespaceId))];
  },
  beforeRemove: async () => {},
};

export const policies: Kind<'policy'> = {
  table: 'policy',
  prefix: 'pol',
  name: 'policy',
  check: async (row, resources) => [
    ...checkPolicy(row),
    ...(await exists(resources, 'namespace', 'namespaceId', row.namespaceId)),
    ...(await scopeFaults(resources, row.scope)),
  ],
  beforeRemove: async () => {},
};

export const providers: Kind<'provider'> = {
  table: 'provider',
  prefix: 'prov',
  name: 'provider',
  check: async (row, resources) => [...checkProvider(row), ...(await unique(resources, 'provider', 'name', row))],
  async beforeRemove(id, resources) {
    const upstreams = await resources.all('upstream');
    const rows = await resources.all('layered_limit');
    refuseWhenUsed([
      ...upstreams
        .filter(({ providerId }) => providerId === id)
        .map((row) => ({ kind: 'upstream', id: row.id, name: row.baseUrl })),
      ...rows.filter(({ providerId }) => providerId === id).map(layeredUser),
      ...(await policiesScopedTo(resources, { providerId: id })),
    ]);
    await resources.remove('price', { providerId: id });
    await resources.remove('provider_key', { providerId: id });
  },
};

export const upstreams: Kind<'upstream'> = {
  table: 'upstream',
  prefix: 'ups',
  name: 'upstream',
  check: async (row, resources) => [
    ...checkUpstream(row),
    ...(await exists(resources, 'provider', 'providerId', row.providerId)),
  ],
  async beforeRemove(id, resources) {
    const keys = await resources.all('provider_key', { upstreamId: id });
    refuseWhenUsed([...keys.map(userOf('provider key')), ...(await policiesScopedTo(resources, { upstreamId: id }))]);
  },
};

export const providerKeys: Kind<'provider_key'> = {
  table: 'provider_key',
  prefix: 'pk',
  name: 'provider key',
  kept: ['lastFour', 'sealed'],
  async check({ id, name, providerId, upstreamId }, resources) {
    const faults = await exists(resources, 'provider', 'providerId', providerId);
    if (faults.length > 0) return faults;
    const twins = await resources.all('provider_key', { providerId, name });
    const isTwin = twins.some((other) => other.id !== id);
    refuseTwin(isTwin, 'name', `The provider already has a key named "${name}".`);
    const upstream = upstreamId === undefined ? undefined : await resources.read('upstream', upstreamId);
    if (upstreamId === undefined || upstream?.providerId === providerId) return [];
    return [{ path: 'upstreamId', message: `The provider has no upstream "${upstreamId}".` }];
  },
  beforeRemove: async () => {},
};

export const virtualKeys: Kind<'virtual_key'> = {
  table: 'virtual_key',
  prefix: 'vk',
  name: 'virtual key',
  kept: ['prefix', 'secretHash'],
  async check({ namespaceIds, tenantId, customerTypeId }, resources) {
    const faults = await Promise.all(
      namespaceIds.map((id, index) => exists(resources, 'namespace', `namespaceIds.${index}`, id)),
    );
    return [
      ...faults.flat(),
      ...(await exists(resources, 'tenant', 'tenantId', tenantId)),
      ...(await exists(resources, 'customer_type', 'customerTypeId', customerTypeId)),
    ];
  },
  beforeRemove: async (id, resources) => refuseWhenUsed(await policiesScopedTo(resources, { virtualKeyId: id })),
};

export const customerTypes: Kind<'customer_type'> = {
  table: 'customer_type',
  prefix: 'ct',
  name: 'customer type',
  check: (row, resources) => unique(resources, 'customer_type', 'name', row),
  async beforeRemove(id, resources) {
    const tenants = await resources.all('tenant');
    refuseWhenUsed([
      ...tenants.filter(({ customerTypeId }) => customerTypeId === id).map(userOf('tenant')),
      ...(await keysWhere(resources, ({ customerTypeId }) => customerTypeId === id)),
      ...(await layeredLimitsOn(resources, id)),
      ...(await policiesScopedTo(resources, { customerTypeId: id })),
    ]);
  },
};

export const tenants: Kind<'tenant'> = {
  table: 'tenant',
  prefix: 'ten',
  name: 'tenant',
  check: async (row, resources) => [
    ...(await exists(resources, 'customer_type', 'customerTypeId', row.customerTypeId)),
    ...(await unique(resources, 'tenant', 'name', row)),
  ],
  async beforeRemove(id, resources) {
    refuseWhenUsed([
      ...(await keysWhere(resources, ({ tenantId }) => tenantId === id)),
      ...(await layeredLimitsOn(resources, id)),
      ...(await policiesScopedTo(resources, { tenantId: id })),
    ]);
  },
};

export const prices: Kind<'price'> = {
  table: 'price',
  prefix: 'price',
  name: 'price',
  async check(row, resources) {
    const rows = await resources.all('price');
    refuseTwin(
      rows.some(({ id, providerId, model }) => id !== row.id && providerId === row.providerId && model === row.model),
      'model',
      `The provider already has a price for "${row.model}".`,
    );
    return exists(resources, 'provider', 'providerId', row.providerId);
  },
  beforeRemove: async () => {},
};

export const layeredLimits: Kind<'layered_limit'> = {
  table: 'layered_limit',
  prefix: 'll',
  name: 'layered limit',
  async check(row, resources) {
    const level = ({ targetType, targetId, providerId, model, limit }: Rows['layered_limit']) =>
      JSON.stringify([targetType, targetId ?? '', providerId ?? '', model ?? '', limit.control]);
    const rows = await resources.all('layered_limit');
    refuseTwin(
      row.isEnabled && rows.some((other) => other.id !== row.id && other.isEnabled && level(other) === level(row)),
      'limit.control',
      `There already is an enabled ${row.limit.control} at this level.`,
    );
    const table = row.targetType === 'tenant' ? 'tenant' : 'customer_type';
    return [
      ...checkLayeredLimit(row),
      ...(row.targetType === 'global' ? [] : await exists(resources, table, 'targetId', row.targetId)),
      ...(await exists(resources, 'provider', 'providerId', row.providerId)),
    ];
  },
  beforeRemove: async () => {},
};

export const policyTests: Kind<'policy_test'> = {
  table: 'policy_test',
  prefix: 'pt',
  name: 'policy test',
  async check(row, resources) {
    const isNew = (await resources.read('policy_test', row.id)) === undefined;
    const { total } = await resources.list('policy_test', { page: 1, size: 1 });
    if (isNew && total >= MAX_POLICY_TESTS) {
      throw new Refusal(409, `There are at most ${MAX_POLICY_TESTS} policy tests.`);
    }
    return unique(resources, 'policy_test', 'name', row);
  },
  beforeRemove: async () => {},
};

/** Faults of ids in a scope that name nothing. */
async function scopeFaults(resources: Resources, scope: PolicyScope): Promise<readonly Fault[]> {
  const tables = [
    ['virtualKeyId', 'virtual_key'],
    ['tenantId', 'tenant'],
    ['customerTypeId', 'customer_type'],
    ['providerId', 'provider'],
    ['upstreamId', 'upstream'],
  ] as const;
  const faults = await Promise.all(
    tables.map(([field, table]) => exists(resources, table, `scope.${field}`, scope[field])),
  );
  return faults.flat();
}

async function policiesScopedTo(resources: Resources, wanted: PolicyScope): Promise<readonly RowUser[]> {
  const [field, id] = Object.entries(wanted)[0] ?? [];
  const rows = await resources.all('policy');
  return rows.filter(({ scope }) => scope[field as keyof PolicyScope] === id).map(userOf('policy'));
}

async function keysWhere(
  resources: Resources,
  isMeant: (key: Rows['virtual_key']) => boolean,
): Promise<readonly RowUser[]> {
  const rows = await resources.all('virtual_key');
  return rows.filter(isMeant).map(userOf('virtual key'));
}

async function layeredLimitsOn(resources: Resources, target: string): Promise<readonly RowUser[]> {
  const rows = await resources.all('layered_limit');
  return rows.filter(({ targetId }) => targetId === target).map(layeredUser);
}

/** @throws Refusal 409 */
function refuseTwin(isTwin: boolean, path: string, message: string): void {
  if (isTwin) throw new Refusal(409, message, [{ path, message }]);
}

/** A fault when an id names nothing; an absent id is none. */
async function exists(
  resources: Resources,
  table: TableName,
  path: string,
  id: string | undefined,
): Promise<readonly Fault[]> {
  if (id === undefined) return [];
  const row = await resources.read(table, id);
  return row === undefined ? [{ path, message: `There is no ${table.replace('_', ' ')} "${id}".` }] : [];
}

/** @throws Refusal 409 when another row has the same value */
async function unique<Name extends TableName>(
  resources: Resources,
  table: Name,
  field: keyof Rows[Name] & string,
  row: Rows[Name],
): Promise<readonly Fault[]> {
  const { items } = await resources.list(table, { page: 1, size: 2, where: { [field]: row[field] } });
  if (items.every(({ id }) => id === row.id)) return [];
  const message = `There already is a ${table.replace('_', ' ')} with ${field} "${String(row[field])}".`;
  throw new Refusal(409, message, [{ path: field, message }]);
}

const userOf =
  (kind: string) =>
  ({ id, name }: { readonly id: string; readonly name: string }): RowUser => ({ kind, id, name });

function layeredUser({ id, targetType, limit }: Rows['layered_limit']): RowUser {
  return { kind: 'layered limit', id, name: `${targetType} ${limit.control}` };
}

/** @throws Refusal 409 naming the users */
function refuseWhenUsed(users: readonly RowUser[]): void {
  if (users.length === 0) return;
  const named = users.slice(0, 20).map(({ kind, name }) => `${kind} "${name}"`);
  const message = `used by ${users.length}`;
  throw new Refusal(409, `It is in use by ${named.join(', ')}.`, [{ path: '', message }], { users });
}
