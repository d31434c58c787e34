import type { SessionRow } from '@ai-gateway/contracts';
import { recordAudit } from '../db/audit.ts';
import type { Store } from '../db/store.ts';
import { Refusal } from '../domain/faults.ts';
import { findAdministrator } from './administrators.ts';
import { type Challenges, challenges } from './challenges.ts';
import { type Lockout, lockout } from './lockout.ts';
import { type LoginCodes, loginCodes } from './login-codes.ts';
import { type Oidc, type OidcSettings, oidcLogin } from './oidc.ts';
import { type Lifetimes, type Session, type Sessions, sessions } from './sessions.ts';

export interface AccessSettings {
  readonly hasPasswordLogin: boolean;
  /** How long sessions last, now. */
  readonly lifetimes: () => Lifetimes;
  /** Absent: there is no OIDC provider. */
  readonly oidc?: OidcSettings | undefined;
}

/** All that lets administrators in. */
export interface Access {
  readonly sessions: Sessions;
  readonly codes: LoginCodes;
  readonly challenges: Challenges;
  readonly lockout: Lockout;
  readonly hasPasswordLogin: boolean;
  readonly oidc: Oidc | undefined;
  /**
   * Begins the session of an administrator who has shown who they are, and tells the audit log.
   * @throws Refusal 401 when there is no such administrator, or not an enabled one
   */
  logIn(login: {
    readonly administratorId: string;
    readonly method: SessionRow['method'];
    readonly fingerprint?: string;
    readonly address: string;
  }): Promise<{ readonly secret: string; readonly session: Session }>;
}

export function administratorAccess(store: Store, settings: AccessSettings, nowMs: () => number): Access {
  const { connection } = store;
  const kept = sessions(connection, settings.lifetimes, nowMs);
  return {
    sessions: kept,
    codes: loginCodes(store, nowMs),
    challenges: challenges(connection, nowMs),
    lockout: lockout(nowMs),
    hasPasswordLogin: settings.hasPasswordLogin,
    oidc: settings.oidc && oidcLogin(settings.oidc, connection, nowMs),
    async logIn(login) {
      const administrator = await findAdministrator(connection, 'id', login.administratorId);
      if (administrator?.isEnabled !== true) throw new Refusal(401, 'This administrator is not enabled.');
      const { secret, id, expiresAtMs } = await kept.open(login);
      const { name, role, tenantId } = administrator;
      const { method, fingerprint, address } = login;
      const after = { administratorId: administrator.id, method, address, ...(fingerprint && { fingerprint }) };
      const at = new Date(nowMs()).toISOString();
      await recordAudit(connection, { at, actor: name, action: 'create', kind: 'session', rowId: id, after });
      const session = { id, administratorId: administrator.id, administrator: name, role, expiresAtMs };
      return { secret, session: { ...session, ...(tenantId !== undefined && { tenantId }) } };
    },
  };
}
