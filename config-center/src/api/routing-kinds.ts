import { endlessRedirect, locationFaults, type Redirect } from '@ai-gateway/contracts';
import type { Resources } from '../db/store.ts';
import type { Rows } from '../db/tables.ts';
import { checkModel, checkRedirect } from '../domain/check-routing.ts';
import type { Fault, RowUser } from '../domain/faults.ts';
import { accountOf } from './billing-kinds.ts';
import { exists, type Kind, refuseTwin, refuseWhenUsed, unique, userOf } from './kind.ts';

export const models: Kind<'model'> = {
  table: 'model',
  prefix: 'mod',
  name: 'model',
  async check(row, resources) {
    const others = (await resources.all('model', { providerId: row.providerId })).filter(({ id }) => id !== row.id);
    for (const [path, name] of [
      ['name', row.name] as const,
      ...row.aliases.map((alias) => ['aliases', alias] as const),
    ]) {
      const isTaken = others.some((other) => other.name === name || other.aliases.includes(name));
      refuseTwin(isTaken, path, `The provider already has a model called "${name}".`);
    }
    return [...checkModel(row), ...(await exists(resources, 'provider', 'providerId', row.providerId))];
  },
  beforeRemove: async () => {},
};

export const redirects: Kind<'redirect'> = {
  table: 'redirect',
  prefix: 'red',
  name: 'redirect',
  async check(row, resources) {
    const others = (await resources.all('redirect')).filter(({ id }) => id !== row.id);
    refuseTwin(
      row.isEnabled &&
        others.some(
          ({ isEnabled, namespaceId, model, priority }) =>
            isEnabled && namespaceId === row.namespaceId && model === row.model && priority === row.priority,
        ),
      'model',
      `There already is a redirect of "${row.model}" at this priority.`,
    );
    const faults = [...checkRedirect(row), ...(await exists(resources, 'namespace', 'namespaceId', row.namespaceId))];
    return faults.length > 0 ? faults : endlessFaults(row, others);
  },
  beforeRemove: async () => {},
};

export const locations: Kind<'location'> = {
  table: 'location',
  prefix: 'loc',
  name: 'location',
  async check(row, resources) {
    const others = await resources.all('location');
    refuseTwin(
      row.isEnabled &&
        others.some(
          (other) =>
            other.id !== row.id &&
            other.isEnabled &&
            other.path === row.path &&
            other.isRegex === row.isRegex &&
            other.priority === row.priority,
        ),
      'path',
      'There already is a location of this path at this priority.',
    );
    return [...locationFaults(row), ...(await targetFaults(resources, row, ['providerId', 'upstreamId']))];
  },
  beforeRemove: async () => {},
};

export const users: Kind<'end_user'> = {
  table: 'end_user',
  prefix: 'user',
  kept: ['status', 'statusReason'],
  name: 'user',
  check: async (row, resources) => [
    ...(row.email === undefined ? [] : await unique(resources, 'end_user', 'email', row)),
    ...(await exists(resources, 'tenant', 'tenantId', row.tenantId)),
    ...(await exists(resources, 'customer_type', 'customerTypeId', row.customerTypeId)),
  ],
  async beforeRemove(id, resources) {
    const keys = await resources.all('virtual_key', { userId: id });
    refuseWhenUsed([...keys.map(userOf('virtual key')), ...(await accountOf(resources, { userId: id }))]);
  },
};

/** Faults of a provider and an upstream that a row sends requests to. */
export async function targetFaults<Field extends string>(
  resources: Resources,
  row: { readonly [Name in Field]?: string | undefined },
  [providerField, upstreamField]: readonly [Field, Field],
): Promise<readonly Fault[]> {
  const [providerId, upstreamId] = [row[providerField], row[upstreamField]];
  const faults = [
    ...(await exists(resources, 'provider', providerField, providerId)),
    ...(await exists(resources, 'upstream', upstreamField, upstreamId)),
  ];
  if (faults.length > 0 || providerId === undefined || upstreamId === undefined) return faults;
  const upstream = await resources.read('upstream', upstreamId);
  if (upstream?.providerId === providerId) return [];
  return [{ path: upstreamField, message: 'It is an upstream of another provider.' }];
}

/** Locations and namespaces that send requests to a provider or an upstream. */
export async function routesTo(
  resources: Resources,
  { providerId, upstreamId }: { readonly providerId?: string; readonly upstreamId?: string },
): Promise<readonly RowUser[]> {
  const isMeant = (provider: string | undefined, upstream: string | undefined) =>
    (providerId !== undefined && provider === providerId) || (upstreamId !== undefined && upstream === upstreamId);
  const [locationRows, namespaceRows] = [await resources.all('location'), await resources.all('namespace')];
  return [
    ...locationRows
      .filter((row) => isMeant(row.providerId, row.upstreamId))
      .map(({ id, name, path }) => ({ kind: 'location', id, name: name === '' ? path : name })),
    ...namespaceRows.filter((row) => isMeant(row.defaultProviderId, row.defaultUpstreamId)).map(userOf('namespace')),
  ];
}

/** In each namespace that the redirect concerns, names must come to an end. */
function endlessFaults(row: Rows['redirect'], others: readonly Redirect[]): readonly Fault[] {
  const all = [...others, row];
  const namespaceIds =
    row.namespaceId === undefined ? new Set(all.map(({ namespaceId }) => namespaceId)) : [row.namespaceId];
  for (const namespaceId of namespaceIds) {
    const endless = endlessRedirect(
      all.filter((each) => each.namespaceId === undefined || each.namespaceId === namespaceId),
    );
    if (endless === undefined) continue;
    const message = `With it redirects would never end, starting from "${endless.model}".`;
    return [{ path: 'target', message }];
  }
  return [];
}
