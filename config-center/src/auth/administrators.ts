import type { AdministratorDraft, AdministratorReplacement, AdministratorRow } from '@ai-gateway/contracts';
import { type Kysely, sql } from 'kysely';
import { recordAudit } from '../db/audit.ts';
import type { Connection, Schema } from '../db/connection.ts';
import { insertIfAbsent, newId, type Resources, type Store } from '../db/store.ts';
import { Refusal } from '../domain/faults.ts';
import { hashPassword } from './passwords.ts';

/** Id of the administrator that login codes of a start let in. */
export const BUILT_IN = 'adm_built_in';

/** Fields that no two administrators share. */
const UNIQUE = { name: 'name', email: 'email', oidcSubject: 'oidc_subject' } as const;

/** An administrator with what must not be shown. */
export interface KnownAdministrator extends AdministratorRow {
  readonly passwordHash?: string;
}

/** Who changes something, and when (RFC 3339). */
export interface Author {
  readonly actor: string;
  readonly at: string;
}

/** Makes the built-in superadmin when there is nobody. */
export async function ensureBuiltIn(connection: Kysely<Schema>, at: string): Promise<void> {
  const anybody = await connection.selectFrom('administrator').select('id').limit(1).executeTakeFirst();
  if (anybody !== undefined) return;
  const row = { id: BUILT_IN, name: 'admin', role: 'superadmin', is_enabled: 1, source: 'local' };
  await insertIfAbsent(connection, 'administrator', { ...row, created_at: at, updated_at: at });
}

export async function listAdministrators(connection: Connection): Promise<readonly KnownAdministrator[]> {
  const rows = await connection.selectFrom('administrator').selectAll().orderBy('created_at').orderBy('id').execute();
  return rows.map(rowOf);
}

/** The administrator who has this value. */
export async function findAdministrator(
  connection: Connection,
  field: 'id' | 'name' | 'email' | 'oidc_subject',
  value: string,
): Promise<KnownAdministrator | undefined> {
  const row = await connection.selectFrom('administrator').selectAll().where(field, '=', value).executeTakeFirst();
  return row === undefined ? undefined : rowOf(row);
}

/** @throws Refusal 400 when the tenant does not fit the role, 409 when somebody has the name, email or subject */
export async function createAdministrator(
  store: Store,
  draft: AdministratorDraft & { readonly source?: AdministratorRow['source'] },
  author: Author,
): Promise<AdministratorRow> {
  const { password, source = 'local', ...fields } = draft;
  const passwordHash = password === undefined ? null : await hashPassword(password);
  const id = newId('adm');
  return store.transaction(async (resources, connection) => {
    await check(resources, connection, id, fields);
    const columns = { ...columnsOf(fields), source, password_hash: passwordHash };
    await connection
      .insertInto('administrator')
      .values({ ...columns, id, created_at: author.at, updated_at: author.at })
      .execute();
    const created = await mustFind(connection, id);
    await record(connection, author, { action: 'create', after: created });
    return shown(created);
  });
}

/**
 * Replaces an administrator. A role acts at once; who is disabled, or gets another password, loses all sessions.
 * @throws Refusal 404, 400 and 409 as for a new one, 409 for an outdated version or when no enabled superadmin would stay
 */
export async function updateAdministrator(
  store: Store,
  id: string,
  draft: AdministratorReplacement,
  author: Author,
): Promise<AdministratorRow> {
  const { password, version, ...fields } = draft;
  const hashed = typeof password === 'string' ? await hashPassword(password) : password;
  return store.transaction(async (resources, connection) => {
    const before = await mustFind(connection, id);
    if (version !== undefined && version !== before.version) throw outdated(version, before);
    await check(resources, connection, id, fields);
    await connection
      .updateTable('administrator')
      .set({
        ...columnsOf(fields),
        ...(hashed !== undefined && { password_hash: hashed }),
        updated_at: author.at,
        version: sql`version + 1`,
      })
      .where('id', '=', id)
      .execute();
    await requireSuperadmin(connection);
    if (!fields.isEnabled || hashed !== undefined) await forgetLogins(connection, id);
    const after = await mustFind(connection, id);
    await record(connection, author, { action: 'update', before, after });
    return shown(after);
  });
}

/**
 * Deletes an administrator with keys, sessions and login codes.
 * @throws Refusal 404, or 409 when no enabled superadmin would stay
 */
export async function removeAdministrator(store: Store, id: string, author: Author): Promise<void> {
  await store.transaction(async (_, connection) => {
    const before = await mustFind(connection, id);
    await forgetLogins(connection, id);
    await connection.deleteFrom('administrator_key').where('administrator_id', '=', id).execute();
    await connection.deleteFrom('administrator').where('id', '=', id).execute();
    await requireSuperadmin(connection);
    await record(connection, author, { action: 'delete', before });
  });
}

/** An administrator as the API answers. */
export function shown({ passwordHash: _, ...row }: KnownAdministrator): AdministratorRow {
  return row;
}

type Fields = Omit<AdministratorDraft, 'password'>;

/** @throws Refusal */
async function check(resources: Resources, connection: Connection, id: string, fields: Fields): Promise<void> {
  const { role, tenantId } = fields;
  const fault = (message: string) =>
    new Refusal(400, 'The administrator is not valid.', [{ path: 'tenantId', message }]);
  if (role === 'tenant_admin' && tenantId === undefined) throw fault('Which tenant?');
  if (role !== 'tenant_admin' && tenantId !== undefined) throw fault('Only a tenant_admin has a tenant.');
  if (tenantId !== undefined && (await resources.read('tenant', tenantId)) === undefined)
    throw fault(`There is no tenant "${tenantId}".`);
  for (const [path, column] of Object.entries(UNIQUE) as [keyof typeof UNIQUE, 'name' | 'email' | 'oidc_subject'][]) {
    const value = fields[path];
    const twin = value === undefined ? undefined : await findAdministrator(connection, column, value);
    if (twin === undefined || twin.id === id) continue;
    const message = `Another administrator has the ${path} "${value}".`;
    throw new Refusal(409, message, [{ path, message }]);
  }
}

/** Those whom the OIDC provider makes do not count: it may take their role away at any time. */
async function requireSuperadmin(connection: Connection): Promise<void> {
  const stays = await connection
    .selectFrom('administrator')
    .select('id')
    .where('role', '=', 'superadmin')
    .where('is_enabled', '=', 1)
    .where('source', '=', 'local')
    .limit(1)
    .executeTakeFirst();
  if (stays === undefined) throw new Refusal(409, 'At least one enabled superadmin must stay.');
}

async function forgetLogins(connection: Connection, id: string): Promise<void> {
  await connection.deleteFrom('administrator_session').where('administrator_id', '=', id).execute();
  await connection.deleteFrom('login_code').where('administrator_id', '=', id).execute();
}

async function mustFind(connection: Connection, id: string): Promise<KnownAdministrator> {
  const found = await findAdministrator(connection, 'id', id);
  if (found === undefined) throw new Refusal(404, 'There is no such administrator.');
  return found;
}

function outdated(version: number, current: KnownAdministrator): Refusal {
  const message = `It has been changed meanwhile: version ${current.version}, not ${version}.`;
  return new Refusal(409, message, [{ path: 'version', message }], { current: { ...shown(current) } });
}

interface Change {
  readonly action: 'create' | 'update' | 'delete';
  readonly before?: KnownAdministrator;
  readonly after?: KnownAdministrator;
}

async function record(connection: Connection, author: Author, { action, before, after }: Change): Promise<void> {
  await recordAudit(connection, {
    ...author,
    action,
    kind: 'administrator',
    rowId: (after ?? before)?.id ?? '',
    ...(before && { before: { ...shown(before) } }),
    ...(after && { after: { ...shown(after) } }),
  });
}

function columnsOf({ name, role, tenantId, isEnabled, email, oidcSubject }: Fields) {
  return {
    name,
    role,
    tenant_id: tenantId ?? null,
    is_enabled: Number(isEnabled),
    email: email ?? null,
    oidc_subject: oidcSubject ?? null,
  };
}

function rowOf(row: Readonly<Record<string, unknown>>): KnownAdministrator {
  const optional = (field: string, value: unknown) => value !== null && { [field]: String(value) };
  const known = {
    id: String(row.id),
    name: String(row.name),
    role: row.role,
    ...optional('tenantId', row.tenant_id),
    isEnabled: row.is_enabled === 1,
    ...optional('email', row.email),
    ...optional('oidcSubject', row.oidc_subject),
    hasPassword: row.password_hash !== null,
    ...optional('passwordHash', row.password_hash),
    source: row.source,
    version: Number(row.version),
    createdAt: String(row.created_at),
    updatedAt: String(row.updated_at),
  };
  // Written from checked fields.
  return known as KnownAdministrator;
}
