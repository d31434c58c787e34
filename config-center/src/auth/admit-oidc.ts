import { type AdministratorReplacement, type AdministratorRow, administratorDraft } from '@ai-gateway/contracts';
import type { Store } from '../db/store.ts';
import { Refusal } from '../domain/faults.ts';
import {
  type Author,
  createAdministrator,
  findAdministrator,
  type KnownAdministrator,
  updateAdministrator,
} from './administrators.ts';
import type { OidcIdentity } from './oidc.ts';

/**
 * The administrator of somebody whom the OIDC provider has authenticated: the one made beforehand with this subject, or
 * else with this verified email, which then stands for the subject; or else one whom the role claim makes, with the role
 * that it grants now.
 * @throws Refusal 403 when nothing admits them, or the administrator is disabled
 */
export async function admitOidc(store: Store, identity: OidcIdentity, at: string): Promise<AdministratorRow> {
  const { connection } = store;
  const known = await findAdministrator(connection, 'oidc_subject', identity.subject);
  if (known !== undefined)
    return enabled(known.source === 'local' ? known : await followed(store, known, identity, at));

  const prepared =
    identity.email === undefined ? undefined : await findAdministrator(connection, 'email', identity.email);
  if (prepared !== undefined && prepared.oidcSubject === undefined && enabled(prepared)) {
    return changed(store, prepared, { oidcSubject: identity.subject }, at);
  }
  return made(store, identity, at);
}

const author = (at: string): Author => ({ actor: 'oidc', at });
const refusal = () => new Refusal(403, 'You have no role here. Please ask an administrator.');

function enabled<T extends AdministratorRow>(row: T): T {
  if (!row.isEnabled) throw refusal();
  return row;
}

/** An administrator whom the claim made, with the role that it grants now. */
async function followed(
  store: Store,
  known: KnownAdministrator,
  { grant }: OidcIdentity,
  at: string,
): Promise<AdministratorRow> {
  if (grant === undefined) {
    await store.connection.deleteFrom('administrator_session').where('administrator_id', '=', known.id).execute();
    throw refusal();
  }
  if (known.role === grant.role && known.tenantId === grant.tenantId) return known;
  return changed(store, known, { role: grant.role, tenantId: grant.tenantId }, at);
}

function changed(store: Store, known: KnownAdministrator, change: Partial<AdministratorReplacement>, at: string) {
  const { name, role, tenantId, isEnabled, email, oidcSubject } = known;
  const replacement = { name, role, tenantId, isEnabled, email, oidcSubject, ...change };
  return updateAdministrator(store, known.id, replacement, author(at));
}

async function made(
  store: Store,
  { subject, name, email, grant }: OidcIdentity,
  at: string,
): Promise<AdministratorRow> {
  if (grant === undefined) throw refusal();
  const isFree = async (field: 'name' | 'email', value: string) =>
    (await findAdministrator(store.connection, field, value)) === undefined;
  const nameShape = administratorDraft.shape.name;
  const [wanted, longer] = [name.trim().slice(0, 100), `${name.trim().slice(0, 40)} ${subject}`.trim().slice(0, 100)];
  const isUsable = nameShape.safeParse(wanted).success && (await isFree('name', wanted));
  const draft = administratorDraft.parse({
    name: isUsable ? wanted : longer,
    oidcSubject: subject,
    ...(email !== undefined && (await isFree('email', email)) && { email }),
    ...grant,
  });
  return createAdministrator(store, { ...draft, source: 'oidc' }, author(at));
}
