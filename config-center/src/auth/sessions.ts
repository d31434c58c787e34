import { createHash, randomBytes } from 'node:crypto';
import { insertIfAbsent, type Store } from '../db/store.ts';

const CODE_LIFETIME_MS = 24 * 3_600_000;
const IDLE_MS = 30 * 60_000;
const ABSOLUTE_MS = 12 * 3_600_000;

/** Who is logged in and until when at the latest (ms). */
export interface Session {
  readonly administrator: string;
  readonly expiresAtMs: number;
}

/** Login codes and sessions; secrets are kept as SHA-256 only. */
export interface Sessions {
  /** Makes a code valid for one login within 24 hours. */
  allowCode(code: string): Promise<void>;
  /** Trades a code for a session's secret; of many callers with the same code exactly one succeeds. */
  redeem(code: string): Promise<{ readonly secret: string; readonly session: Session } | undefined>;
  /** The session of a secret, if it has not run out; being asked prolongs it. */
  find(secret: string): Promise<Session | undefined>;
  end(secret: string): Promise<void>;
  /** Whether anybody has ever logged in. */
  hasAny(): Promise<boolean>;
}

export function sessions({ connection }: Store, nowMs: () => number): Sessions {
  return {
    async allowCode(code) {
      const expiresAtMs = nowMs() + CODE_LIFETIME_MS;
      const row = { code_hash: hashOf(code), expires_at_ms: expiresAtMs, used_at_ms: null };
      await insertIfAbsent(connection, 'login_code', row);
    },
    async redeem(code) {
      const { numUpdatedRows } = await connection
        .updateTable('login_code')
        .set({ used_at_ms: nowMs() })
        .where('code_hash', '=', hashOf(code))
        .where('used_at_ms', 'is', null)
        .where('expires_at_ms', '>', nowMs())
        .executeTakeFirst();
      if (numUpdatedRows !== 1n) return undefined;

      const secret = randomBytes(32).toString('base64url');
      const session = { administrator: 'admin', expiresAtMs: nowMs() + ABSOLUTE_MS };
      await connection.deleteFrom('session').where('expires_at_ms', '<', nowMs()).execute();
      await connection
        .insertInto('session')
        .values({
          id_hash: hashOf(secret),
          administrator: session.administrator,
          last_seen_at_ms: nowMs(),
          expires_at_ms: session.expiresAtMs,
        })
        .execute();
      return { secret, session };
    },
    async find(secret) {
      const row = await connection
        .selectFrom('session')
        .selectAll()
        .where('id_hash', '=', hashOf(secret))
        .executeTakeFirst();
      if (row === undefined) return undefined;
      const expiresAtMs = Number(row.expires_at_ms);
      const lastSeenMs = Number(row.last_seen_at_ms);
      if (nowMs() >= expiresAtMs || nowMs() - lastSeenMs >= IDLE_MS) return undefined;
      // A dashboard asks every second; writing once a minute keeps the idle time true enough.
      if (nowMs() - lastSeenMs > 60_000) {
        await connection
          .updateTable('session')
          .set({ last_seen_at_ms: nowMs() })
          .where('id_hash', '=', hashOf(secret))
          .execute();
      }
      return { administrator: String(row.administrator), expiresAtMs };
    },
    async end(secret) {
      await connection.deleteFrom('session').where('id_hash', '=', hashOf(secret)).execute();
    },
    async hasAny() {
      const used = await connection
        .selectFrom('login_code')
        .select('code_hash')
        .where('used_at_ms', 'is not', null)
        .limit(1)
        .executeTakeFirst();
      return used !== undefined;
    },
  };
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
