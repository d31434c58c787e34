import { randomBytes } from 'node:crypto';
import type { AdministratorKeyRow } from '@ai-gateway/contracts';
import type { Connection } from '../db/connection.ts';
import { findUsableKey, hasSigned } from './administrator-keys.ts';
import { randomText } from './secrets.ts';

const LIFETIME_MS = 120_000;

/** What a private key must sign. */
export interface Challenge {
  readonly id: string;
  /** 32 bytes, base64. */
  readonly nonce: string;
  readonly expiresAtMs: number;
}

/** A signed challenge. */
export interface Answer {
  readonly challengeId: string;
  readonly fingerprint: string;
  /** Base64. */
  readonly signature: string;
}

/** Challenges for private keys, valid for 120 s and one try. They are in SQL, so any config center takes the answer. */
export interface Challenges {
  /** An unknown key gets a challenge as well, which nobody can meet, so that asking tells nothing. */
  issue(fingerprint: string): Promise<Challenge>;
  /** The key that has met its challenge. The challenge is gone, whatever comes out. */
  meet(answer: Answer): Promise<AdministratorKeyRow | undefined>;
}

export function challenges(connection: Connection, nowMs: () => number): Challenges {
  return {
    async issue(fingerprint) {
      const challenge = {
        id: randomText(48),
        nonce: randomBytes(32).toString('base64'),
        expiresAtMs: nowMs() + LIFETIME_MS,
      };
      const { id, nonce, expiresAtMs } = challenge;
      await connection.deleteFrom('challenge').where('expires_at_ms', '<', nowMs()).execute();
      if ((await findUsableKey(connection, fingerprint)) !== undefined)
        await connection
          .insertInto('challenge')
          .values({ id, fingerprint, nonce, expires_at_ms: expiresAtMs })
          .execute();
      return challenge;
    },
    async meet({ challengeId, fingerprint, signature }) {
      const challenge = await connection
        .selectFrom('challenge')
        .selectAll()
        .where('id', '=', challengeId)
        .executeTakeFirst();
      const { numDeletedRows } = await connection
        .deleteFrom('challenge')
        .where('id', '=', challengeId)
        .executeTakeFirst();
      // Of many answers at the same moment only one has deleted it.
      if (challenge === undefined || numDeletedRows !== 1n) return undefined;
      if (challenge.fingerprint !== fingerprint || Number(challenge.expires_at_ms) <= nowMs()) return undefined;
      const key = await findUsableKey(connection, fingerprint);
      return key !== undefined && hasSigned(key.publicKey, String(challenge.nonce), signature) ? key : undefined;
    },
  };
}
