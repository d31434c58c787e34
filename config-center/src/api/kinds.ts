import { MAX_POLICY_TESTS, type PolicyScope, policyShape } from '@ai-gateway/contracts';
import type { Resources } from '../db/store.ts';
import type { Rows } from '../db/tables.ts';
import { checkLayeredLimit, checkMatcher, checkPolicy, checkProvider, checkUpstream } from '../domain/check-draft.ts';
import { type Fault, Refusal, type RowUser } from '../domain/faults.ts';
import { impossibleLimits } from '../domain/lint/lint-policies.ts';
import { accountOf } from './billing-kinds.ts';
import { exists, type Kind, refuseTwin, refuseWhenUsed, unique, userOf } from './kind.ts';
import { dialectFaults, portkeyConfigsTo } from './portkey-kinds.ts';
import { routesTo, targetFaults } from './routing-kinds.ts';

export { accounts, rates } from './billing-kinds.ts';
export { portkeyConfigs } from './portkey-kinds.ts';
export { locations, models, redirects, users } from './routing-kinds.ts';

export const namespaces: Kind<'namespace'> = {
  table: 'namespace',
  prefix: 'ns',
  name: 'namespace',
  check: async (row, resources) => [
    ...(await unique(resources, 'namespace', 'code', row)),
    ...(await targetFaults(resources, row, ['defaultProviderId', 'defaultUpstreamId'])),
  ],
  async beforeRemove(id, resources) {
    const keys = await resources.all('virtual_key');
    refuseWhenUsed(keys.filter(({ namespaceIds }) => namespaceIds.includes(id)).map(userOf('virtual key')));
    await resources.remove('fallback', { namespaceId: id });
    await resources.remove('matcher', { namespaceId: id });
    await resources.remove('policy', { namespaceId: id });
    await resources.remove('redirect', { namespaceId: id });
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
  impossible(row, current) {
    // With the defaults, which a row that was edited by hand may lack.
    const { data: before } = policyShape.safeParse(current);
    const known = new Set(before === undefined ? [] : impossibleLimits(before).map(({ path }) => path));
    return impossibleLimits(row).filter(({ path }) => !known.has(path));
  },
  beforeRemove: async () => {},
};

export const providers: Kind<'provider'> = {
  table: 'provider',
  prefix: 'prov',
  name: 'provider',
  check: async (row, resources) => [
    ...checkProvider(row),
    ...(await unique(resources, 'provider', 'name', row)),
    ...(await dialectFaults(resources, row)),
  ],
  async beforeRemove(id, resources) {
    const upstreams = await resources.all('upstream');
    const rows = await resources.all('layered_limit');
    const chains = await resources.all('fallback');
    const fallbacksTo = chains.filter(({ targets }) => targets.some(({ providerId }) => providerId === id));
    refuseWhenUsed([
      ...upstreams
        .filter(({ providerId }) => providerId === id)
        .map((row) => ({ kind: 'upstream', id: row.id, name: row.baseUrl })),
      ...rows.filter(({ providerId }) => providerId === id).map(layeredUser),
      ...fallbacksTo.map((row) => ({ kind: 'fallback', id: row.id, name: row.model })),
      ...(await policiesScopedTo(resources, { providerId: id })),
      ...(await routesTo(resources, { providerId: id })),
      ...(await portkeyConfigsTo(resources, { providerId: id })),
    ]);
    await resources.remove('price', { providerId: id });
    await resources.remove('rate', { providerId: id });
    await resources.remove('provider_key', { providerId: id });
    await resources.remove('model', { providerId: id });
    await resources.remove('portkey_config', { providerId: id });
  },
};

export const upstreams: Kind<'upstream'> = {
  table: 'upstream',
  prefix: 'ups',
  name: 'upstream',
  check: async (row, resources) => [
    ...checkUpstream(row),
    ...(await canaryFaults(resources, row)),
    ...(await exists(resources, 'provider', 'providerId', row.providerId)),
  ],
  async beforeRemove(id, resources) {
    const keys = await resources.all('provider_key', { upstreamId: id });
    refuseWhenUsed([
      ...keys.map(userOf('provider key')),
      ...(await policiesScopedTo(resources, { upstreamId: id })),
      ...(await routesTo(resources, { upstreamId: id })),
      ...(await portkeyConfigsTo(resources, { upstreamId: id })),
    ]);
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
  kept: ['prefix', 'secretHash', 'statusReason', 'previousSecretHash', 'previousUntil'],
  async check({ namespaceIds, tenantId, customerTypeId, userId }, resources) {
    const faults = await Promise.all(
      namespaceIds.map((id, index) => exists(resources, 'namespace', `namespaceIds.${index}`, id)),
    );
    return [
      ...faults.flat(),
      ...(await exists(resources, 'tenant', 'tenantId', tenantId)),
      ...(await exists(resources, 'customer_type', 'customerTypeId', customerTypeId)),
      ...(await userFaults(resources, { userId, tenantId })),
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
      ...(await resources.all('end_user', { customerTypeId: id })).map(userOf('user')),
      ...(await keysWhere(resources, ({ customerTypeId }) => customerTypeId === id)),
      ...(await layeredLimitsOn(resources, id)),
      ...(await policiesScopedTo(resources, { customerTypeId: id })),
    ]);
    await resources.remove('rate', { customerTypeId: id });
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
      ...(await resources.all('end_user', { tenantId: id })).map(userOf('user')),
      ...(await accountOf(resources, { tenantId: id })),
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

export const fallbacks: Kind<'fallback'> = {
  table: 'fallback',
  prefix: 'fb',
  name: 'fallback',
  async check(row, resources) {
    const rows = await resources.all('fallback');
    refuseTwin(
      rows.some(
        ({ id, namespaceId, model }) => id !== row.id && namespaceId === row.namespaceId && model === row.model,
      ),
      'model',
      `There already is a fallback for "${row.model}" here.`,
    );
    const faults = await Promise.all(
      row.targets.map(({ providerId }, index) =>
        exists(resources, 'provider', `targets.${index}.providerId`, providerId),
      ),
    );
    return [...(await exists(resources, 'namespace', 'namespaceId', row.namespaceId)), ...faults.flat()];
  },
  beforeRemove: async () => {},
};

/** A key of a user is paid for by the user's tenant, so it can name no other one. */
async function userFaults(
  resources: Resources,
  { userId, tenantId }: Pick<Rows['virtual_key'], 'userId' | 'tenantId'>,
): Promise<readonly Fault[]> {
  const missing = await exists(resources, 'end_user', 'userId', userId);
  if (missing.length > 0 || userId === undefined || tenantId === undefined) return missing;
  const user = await resources.read('end_user', userId);
  if (user?.tenantId === undefined || user.tenantId === tenantId) return [];
  return [{ path: 'tenantId', message: 'The user of the key has another tenant.' }];
}
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

/** The canaries of a provider share its requests, so they have at most all of them. */
async function canaryFaults(resources: Resources, row: Rows['upstream']): Promise<readonly Fault[]> {
  const rows = await resources.all('upstream');
  const others = rows.filter((other) => other.id !== row.id && other.providerId === row.providerId && other.isEnabled);
  const sum = [row, ...others].reduce((total, { canaryPercent = 0 }) => total + canaryPercent, 0);
  if (sum <= 100 || row.canaryPercent === undefined) return [];
  return [{ path: 'canaryPercent', message: `The canaries of the provider would have ${sum} % of its requests.` }];
}

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

function layeredUser({ id, targetType, limit }: Rows['layered_limit']): RowUser {
  return { kind: 'layered limit', id, name: `${targetType} ${limit.control}` };
}
