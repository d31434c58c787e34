import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { AdministratorKeyDraft, AdministratorKeyRow } from '@ai-gateway/contracts';
import { recordAudit } from '../db/audit.ts';
import type { Connection } from '../db/connection.ts';
import type { Store } from '../db/store.ts';
import { Refusal } from '../domain/faults.ts';
import { type Author, findAdministrator } from './administrators.ts';
import { hashOf } from './secrets.ts';

/** What comes before the 32 bytes of an Ed25519 public key in its DER form (RFC 8410). */
const DER_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
/** What every signed challenge begins with, so that a signature made for it fits nothing else. */
const PURPOSE = Buffer.from('gateway-auth:');

/** SHA-256 of the 32 bytes of a public key, hex. */
export function fingerprintOf(publicKey: string): string {
  return hashOf(Buffer.from(publicKey, 'base64'));
}

/** Whether a key has signed `gateway-auth:` and the bytes of a nonce; key, nonce and signature in base64. */
export function hasSigned(publicKey: string, nonce: string, signature: string): boolean {
  const message = Buffer.concat([PURPOSE, Buffer.from(nonce, 'base64')]);
  return verify(null, message, keyOf(publicKey), Buffer.from(signature, 'base64'));
}

export async function listKeys(
  connection: Connection,
  administratorId?: string,
): Promise<readonly AdministratorKeyRow[]> {
  let rows = connection.selectFrom('administrator_key').selectAll();
  if (administratorId !== undefined) rows = rows.where('administrator_id', '=', administratorId);
  return (await rows.orderBy('created_at').orderBy('fingerprint').execute()).map(rowOf);
}

/** The key of a fingerprint, if it and its administrator are enabled. */
export async function findUsableKey(
  connection: Connection,
  fingerprint: string,
): Promise<AdministratorKeyRow | undefined> {
  const row = await usable(connection).selectAll('key').where('fingerprint', '=', fingerprint).executeTakeFirst();
  return row === undefined ? undefined : rowOf(row);
}

/** @throws Refusal 400 when there is no such administrator, 409 when the key is known */
export async function addKey(
  connection: Connection,
  { administratorId, publicKey, comment, isEnabled }: AdministratorKeyDraft,
  author: Author,
): Promise<AdministratorKeyRow> {
  const fault = (path: string, message: string) => [{ path, message }];
  if ((await findAdministrator(connection, 'id', administratorId)) === undefined) {
    const message = `There is no administrator "${administratorId}".`;
    throw new Refusal(400, message, fault('administratorId', message));
  }
  const fingerprint = fingerprintOf(publicKey);
  if ((await find(connection, fingerprint)) !== undefined) {
    const message = 'This key is known already.';
    throw new Refusal(409, message, fault('publicKey', message));
  }
  const row = { fingerprint, administratorId, publicKey, comment, isEnabled, createdAt: author.at };
  await connection
    .insertInto('administrator_key')
    .values({
      fingerprint,
      administrator_id: administratorId,
      public_key: publicKey,
      comment,
      is_enabled: Number(isEnabled),
      created_at: author.at,
    })
    .execute();
  await recordAudit(connection, { ...audited(author, fingerprint), action: 'create', after: row });
  return row;
}

/**
 * Enables, disables or describes a key. A disabled one loses its sessions.
 * @throws Refusal 404, or 409 when no superadmin would have an enabled key any more
 */
export async function updateKey(
  store: Store,
  fingerprint: string,
  { comment, isEnabled }: Pick<AdministratorKeyRow, 'comment' | 'isEnabled'>,
  author: Author,
): Promise<AdministratorKeyRow> {
  return store.transaction(async (_, connection) => {
    const before = await mustFind(connection, fingerprint);
    await keepingOne(connection, async () => {
      await connection
        .updateTable('administrator_key')
        .set({ comment, is_enabled: Number(isEnabled) })
        .where('fingerprint', '=', fingerprint)
        .execute();
    });
    if (!isEnabled) await endSessions(connection, fingerprint);
    const after = { ...before, comment, isEnabled };
    await recordAudit(connection, { ...audited(author, fingerprint), action: 'update', before, after });
    return after;
  });
}

/**
 * Deletes a key with its sessions.
 * @throws Refusal 404, or 409 when no superadmin would have an enabled key any more
 */
export async function removeKey(store: Store, fingerprint: string, author: Author): Promise<void> {
  await store.transaction(async (_, connection) => {
    const before = await mustFind(connection, fingerprint);
    await keepingOne(connection, async () => {
      await connection.deleteFrom('administrator_key').where('fingerprint', '=', fingerprint).execute();
    });
    await endSessions(connection, fingerprint);
    await recordAudit(connection, { ...audited(author, fingerprint), action: 'delete', before: { ...before } });
  });
}

/** Runs a change, and refuses it when it takes the last key away that logs a superadmin in. */
async function keepingOne(connection: Connection, change: () => Promise<void>): Promise<void> {
  const hasOne = async () =>
    (await usable(connection).select('fingerprint').where('role', '=', 'superadmin').executeTakeFirst()) !== undefined;
  const had = await hasOne();
  await change();
  if (had && !(await hasOne())) throw new Refusal(409, 'At least one enabled key of a superadmin must stay.');
}

function usable(connection: Connection) {
  return connection
    .selectFrom('administrator_key as key')
    .innerJoin('administrator', 'administrator.id', 'key.administrator_id')
    .where('key.is_enabled', '=', 1)
    .where('administrator.is_enabled', '=', 1);
}

async function endSessions(connection: Connection, fingerprint: string): Promise<void> {
  await connection.deleteFrom('administrator_session').where('fingerprint', '=', fingerprint).execute();
}

async function find(connection: Connection, fingerprint: string): Promise<AdministratorKeyRow | undefined> {
  const row = await connection
    .selectFrom('administrator_key')
    .selectAll()
    .where('fingerprint', '=', fingerprint)
    .executeTakeFirst();
  return row === undefined ? undefined : rowOf(row);
}

async function mustFind(connection: Connection, fingerprint: string): Promise<AdministratorKeyRow> {
  const found = await find(connection, fingerprint);
  if (found === undefined) throw new Refusal(404, 'There is no such key.');
  return found;
}

/** The audit log has room for 40 characters of an id. */
function audited({ actor, at }: Author, fingerprint: string) {
  return { actor, at, kind: 'administrator_key', rowId: fingerprint.slice(0, 40) };
}

function keyOf(publicKey: string): KeyObject {
  const key = Buffer.concat([DER_PREFIX, Buffer.from(publicKey, 'base64')]);
  return createPublicKey({ key, format: 'der', type: 'spki' });
}

function rowOf(row: Readonly<Record<string, unknown>>): AdministratorKeyRow {
  return {
    fingerprint: String(row.fingerprint),
    administratorId: String(row.administrator_id),
    publicKey: String(row.public_key),
    comment: String(row.comment),
    isEnabled: row.is_enabled === 1,
    createdAt: String(row.created_at),
  };
}
