import { portkeyConfigFaults } from '@ai-gateway/contracts';
import type { Resources } from '../db/store.ts';
import type { Rows } from '../db/tables.ts';
import type { Fault, RowUser } from '../domain/faults.ts';
import { exists, type Kind, refuseTwin, userOf } from './kind.ts';

export const portkeyConfigs: Kind<'portkey_config'> = {
  table: 'portkey_config',
  prefix: 'pkc',
  name: 'Portkey config',
  async check(row, resources) {
    const others = (await resources.all('portkey_config', { providerId: row.providerId })).filter(
      ({ id }) => id !== row.id,
    );
    const isTaken = others.some(({ name }) => name === row.name);
    refuseTwin(isTaken, 'name', `The provider already has a Portkey config named "${row.name}".`);
    const active = others.find(({ isEnabled }) => isEnabled);
    refuseTwin(
      row.isEnabled && active !== undefined,
      'isEnabled',
      `The config "${active?.name}" of the provider is active. Activate this one instead of enabling it.`,
    );
    const faults = portkeyConfigFaults(row);
    if (faults.length > 0) return faults;
    const ofTargets = await Promise.all(row.targets.map((target, index) => targetFaults(resources, target, index)));
    return [...(await ownerFaults(resources, row.providerId)), ...ofTargets.flat()];
  },
  beforeRemove: async () => {},
};

/** Portkey configs with a target that is a provider or an upstream. */
export async function portkeyConfigsTo(
  resources: Resources,
  { providerId, upstreamId }: { readonly providerId?: string; readonly upstreamId?: string },
): Promise<readonly RowUser[]> {
  const rows = await resources.all('portkey_config');
  return rows
    .filter(({ targets }) =>
      targets.some(
        (target) =>
          (providerId !== undefined && target.providerId === providerId) ||
          (upstreamId !== undefined && target.upstreamId === upstreamId),
      ),
    )
    .map(userOf('Portkey config'));
}

/** Faults of a provider's protocol beside the configs that there are: its own, and those that send requests to it. */
export async function dialectFaults(
  resources: Resources,
  { id, dialect }: Rows['provider'],
): Promise<readonly Fault[]> {
  const users =
    dialect === 'portkey'
      ? await portkeyConfigsTo(resources, { providerId: id })
      : (await resources.all('portkey_config', { providerId: id })).map(userOf('Portkey config'));
  const [user] = users;
  if (user === undefined) return [];
  const reason = dialect === 'portkey' ? 'has the provider as a target' : 'belongs to the provider';
  return [{ path: 'dialect', message: `The Portkey config "${user.name}" ${reason}, so this cannot be "${dialect}".` }];
}

async function ownerFaults(resources: Resources, providerId: string): Promise<readonly Fault[]> {
  const missing = await exists(resources, 'provider', 'providerId', providerId);
  if (missing.length > 0) return missing;
  const provider = await resources.read('provider', providerId);
  if (provider?.dialect === 'portkey') return [];
  return [{ path: 'providerId', message: `The provider "${provider?.name}" is no Portkey gateway.` }];
}

async function targetFaults(
  resources: Resources,
  { providerId, upstreamId }: Rows['portkey_config']['targets'][number],
  index: number,
): Promise<readonly Fault[]> {
  const path = `targets.${index}`;
  const missing = [
    ...(await exists(resources, 'provider', `${path}.providerId`, providerId)),
    ...(await exists(resources, 'upstream', `${path}.upstreamId`, upstreamId)),
  ];
  if (missing.length > 0) return missing;
  const provider = await resources.read('provider', providerId);
  if (provider?.dialect === 'portkey') {
    return [{ path: `${path}.providerId`, message: 'A Portkey gateway is no target of another.' }];
  }
  const upstream = upstreamId === undefined ? undefined : await resources.read('upstream', upstreamId);
  if (upstream === undefined || upstream.providerId === providerId) return [];
  return [{ path: `${path}.upstreamId`, message: 'It is an upstream of another provider.' }];
}
