import { sql } from 'kysely';
import { insertIfAbsent, type Store } from '../db/store.ts';
import { Refusal } from '../domain/faults.ts';
import { BUILT_IN } from './administrators.ts';
import { hashOf, randomText } from './secrets.ts';

const START_CODE_MS = 24 * 3_600_000;
const COOLDOWN_MS = 5_000;

/** What a code may do. */
export interface CodeTerms {
  readonly ttlSeconds: number;
  readonly maxUses: number;
  readonly length: number;
}

/** Codes that log in to the browser; only their SHA-256 is kept. */
export interface LoginCodes {
  /** Lets a code log in the built-in administrator once within 24 hours. */
  allow(code: string): Promise<void>;
  /**
   * A code for the administrator of a session; earlier ones of the session end.
   * @throws Refusal 429 within five seconds of the last one
   */
  make(
    session: { readonly id: string; readonly administratorId: string },
    terms: CodeTerms,
  ): Promise<{ readonly code: string; readonly expiresAtMs: number }>;
  /** Uses a code up by one: whom it logs in. Of many callers with the last use of a code exactly one succeeds. */
  redeem(code: string): Promise<string | undefined>;
  /** Whether any code has ever been used. */
  hasAnyUsed(): Promise<boolean>;
}

export function loginCodes(store: Store, nowMs: () => number): LoginCodes {
  const { connection } = store;
  return {
    async allow(code) {
      const row = { code_hash: hashOf(code), expires_at_ms: nowMs() + START_CODE_MS, used_at_ms: null };
      await insertIfAbsent(connection, 'login_code', row);
    },
    make({ id, administratorId }, { ttlSeconds, maxUses, length }) {
      const code = randomText(length);
      const expiresAtMs = nowMs() + ttlSeconds * 1_000;
      return store.transaction(async (_, transaction) => {
        const last = await transaction
          .selectFrom('login_code')
          .select((builder) => builder.fn.max('created_at_ms').as('created_at_ms'))
          .where('administrator_id', '=', administratorId)
          .executeTakeFirst();
        if (nowMs() - Number(last?.created_at_ms ?? 0) < COOLDOWN_MS)
          throw new Refusal(429, 'A login code was made just now. Please wait five seconds.');
        await transaction.updateTable('login_code').set({ expires_at_ms: 0 }).where('session_id', '=', id).execute();
        await transaction
          .insertInto('login_code')
          .values({
            code_hash: hashOf(code),
            administrator_id: administratorId,
            session_id: id,
            created_at_ms: nowMs(),
            expires_at_ms: expiresAtMs,
            max_uses: maxUses,
          })
          .execute();
        return { code, expiresAtMs };
      });
    },
    async redeem(code) {
      const { numUpdatedRows } = await connection
        .updateTable('login_code')
        .set({ used_at_ms: nowMs(), uses: sql`uses + 1` })
        .where('code_hash', '=', hashOf(code))
        .whereRef('uses', '<', 'max_uses')
        .where('expires_at_ms', '>', nowMs())
        .executeTakeFirst();
      if (numUpdatedRows !== 1n) return undefined;
      const row = await connection
        .selectFrom('login_code')
        .select('administrator_id')
        .where('code_hash', '=', hashOf(code))
        .executeTakeFirst();
      return row === undefined ? undefined : String(row.administrator_id ?? BUILT_IN);
    },
    async hasAnyUsed() {
      const used = await connection
        .selectFrom('login_code')
        .select('code_hash')
        .where('uses', '>', 0)
        .limit(1)
        .executeTakeFirst();
      return used !== undefined;
    },
  };
}
