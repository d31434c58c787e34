import type { AdministratorRole, OperatorSettings, SessionRow } from '@ai-gateway/contracts';
import type { Connection } from '../db/connection.ts';
import { newId } from '../db/store.ts';
import { hashOf, newSecret } from './secrets.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** How long sessions last; a change concerns those that are open, too. */
export type Lifetimes = Pick<OperatorSettings, 'sessionHours' | 'sessionIdleMinutes'>;

/** Who is logged in, and until when at the latest (ms). */
export interface Session {
  /** Id of the session; absent for the automation token. */
  readonly id?: string;
  readonly administratorId?: string;
  /** Name of the administrator: the actor in the audit log. */
  readonly administrator: string;
  readonly role: AdministratorRole;
  /** Of a `tenant_admin`. */
  readonly tenantId?: string;
  readonly expiresAtMs: number;
}

/** How a session begins. */
export interface Login {
  readonly administratorId: string;
  readonly method: SessionRow['method'];
  readonly fingerprint?: string;
  readonly address: string;
}

/** Sessions of administrators; of their secrets only the SHA-256 is kept. */
export interface Sessions {
  /** Begins a session; its secret is known only from here. */
  open(login: Login): Promise<{ readonly secret: string; readonly id: string; readonly expiresAtMs: number }>;
  /**
   * The session of a secret with the role that its administrator has now, unless it has run out or the administrator is
   * disabled. Being asked prolongs it.
   */
  find(secret: string): Promise<Session | undefined>;
  /** Sessions in force, of one administrator or of all, the newest first. */
  list(administratorId?: string): Promise<readonly Omit<SessionRow, 'isCurrent'>[]>;
  /** Ends the sessions that have these values; tells how many. */
  end(where: SessionsWhere): Promise<number>;
}

export interface SessionsWhere {
  readonly id?: string;
  readonly administratorId?: string;
  readonly fingerprint?: string;
}

export function sessions(connection: Connection, lifetimes: () => Lifetimes, nowMs: () => number): Sessions {
  const inForce = () => sessionsInForce(connection, lifetimes(), nowMs());
  const endMs = (row: Readonly<Record<string, unknown>>) =>
    Math.min(Number(row.expires_at_ms), Number(row.created_at_ms) + lastsMs(lifetimes()));
  return {
    async open({ administratorId, method, fingerprint, address }) {
      const secret = newSecret();
      const id = newId('ses');
      const expiresAtMs = nowMs() + lastsMs(lifetimes());
      await connection.deleteFrom('administrator_session').where('expires_at_ms', '<', nowMs()).execute();
      await connection
        .insertInto('administrator_session')
        .values({
          id,
          secret_hash: hashOf(secret),
          administrator_id: administratorId,
          method,
          fingerprint: fingerprint ?? null,
          address: address.slice(0, 100),
          created_at_ms: nowMs(),
          last_seen_at_ms: nowMs(),
          expires_at_ms: expiresAtMs,
        })
        .execute();
      return { secret, id, expiresAtMs };
    },
    async find(secret) {
      const row = await inForce()
        .select(['session.id', 'administrator_id', 'name', 'role', 'tenant_id'])
        .select(['created_at_ms', 'expires_at_ms', 'last_seen_at_ms'])
        .where('secret_hash', '=', hashOf(secret))
        .executeTakeFirst();
      if (row === undefined) return undefined;
      const id = String(row.id);
      // A dashboard asks every second; writing once a minute keeps the idle time true enough.
      if (nowMs() - Number(row.last_seen_at_ms) > 60_000) await touch(connection, id, nowMs());
      return {
        id,
        administratorId: String(row.administrator_id),
        administrator: String(row.name),
        role: row.role as AdministratorRole,
        ...(row.tenant_id !== null && { tenantId: String(row.tenant_id) }),
        expiresAtMs: endMs(row),
      };
    },
    async list(administratorId) {
      let rows = inForce()
        .selectAll('session')
        .select('administrator.name as administrator')
        .orderBy('created_at_ms', 'desc')
        .orderBy('session.id');
      if (administratorId !== undefined) rows = rows.where('administrator_id', '=', administratorId);
      return (await rows.execute()).map((row) => rowOf(row, endMs(row)));
    },
    async end({ id, administratorId, fingerprint }) {
      const wanted = { id, administrator_id: administratorId, fingerprint };
      let rows = connection.deleteFrom('administrator_session');
      for (const [column, value] of Object.entries(wanted))
        if (value !== undefined) rows = rows.where(column, '=', value);
      return Number((await rows.executeTakeFirst()).numDeletedRows);
    },
  };
}

/** Sessions with their administrators, as far as they are in force. */
function sessionsInForce(connection: Connection, lifetimes: Lifetimes, nowMs: number) {
  const idleMs = lifetimes.sessionIdleMinutes * MINUTE_MS;
  return connection
    .selectFrom('administrator_session as session')
    .innerJoin('administrator', 'administrator.id', 'session.administrator_id')
    .where('administrator.is_enabled', '=', 1)
    .where('session.expires_at_ms', '>', nowMs)
    .where('session.created_at_ms', '>', nowMs - lastsMs(lifetimes))
    .where((where) =>
      where.or([where('session.method', '=', 'key'), where('session.last_seen_at_ms', '>', nowMs - idleMs)]),
    );
}

function lastsMs({ sessionHours }: Lifetimes): number {
  return sessionHours * HOUR_MS;
}

async function touch(connection: Connection, id: string, nowMs: number): Promise<void> {
  const seen = { last_seen_at_ms: nowMs };
  await connection.updateTable('administrator_session').set(seen).where('id', '=', id).execute();
}

function rowOf(row: Readonly<Record<string, unknown>>, endMs: number): Omit<SessionRow, 'isCurrent'> {
  const instant = (ms: unknown) => new Date(Number(ms)).toISOString();
  return {
    id: String(row.id),
    administratorId: String(row.administrator_id),
    administrator: String(row.administrator),
    method: row.method as SessionRow['method'],
    ...(row.fingerprint !== null && { fingerprint: String(row.fingerprint) }),
    address: String(row.address),
    createdAt: instant(row.created_at_ms),
    lastSeenAt: instant(row.last_seen_at_ms),
    expiresAt: instant(endMs),
  };
}
