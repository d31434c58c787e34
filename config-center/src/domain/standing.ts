import {
  type Account,
  type AccountStanding,
  type LayeredLimit,
  nanosOf,
  type Tenant,
  type User,
  type UserStatus,
} from '@ai-gateway/contracts';
import { indexLayeredLimits, type LayeredLimits, layersFor } from '@ai-gateway/limits';

/** Limits of a balance in nano-units. */
export interface BalanceLimits {
  /** Undefined: nobody is warned. */
  readonly soft: bigint | undefined;
  readonly hard: bigint;
}

/** Whose class an account has. */
export type PayerRows = {
  readonly tenants: ReadonlyMap<string, Tenant>;
  readonly users: ReadonlyMap<string, User>;
  readonly layers: LayeredLimits;
};

/** Layered limits of balances that are in force. */
export function balanceLayers(rows: readonly LayeredLimit[]): LayeredLimits {
  return indexLayeredLimits(rows.filter(({ isEnabled, limit }) => isEnabled && 'amount' in limit));
}

/** The limits of an account: its own, else those of the most specific layer, else 0 and no warning. */
export function balanceLimitsOf(account: Account, { tenants, users, layers }: PayerRows): BalanceLimits {
  const { tenantId, userId } = account;
  const payer = tenantId === undefined ? users.get(userId ?? '') : tenants.get(tenantId);
  const facts = { namespaceId: '', tenantId, customerTypeId: payer?.customerTypeId };
  const layered = (control: 'soft_limit' | 'hard_limit') => {
    const limit = layersFor(layers, control, facts)[0]?.limit;
    return limit !== undefined && 'amount' in limit ? limit.amount : undefined;
  };
  const soft = account.softLimit ?? layered('soft_limit');
  return {
    soft: soft === undefined ? undefined : nanosOf(soft),
    hard: nanosOf(account.hardLimit ?? layered('hard_limit') ?? '0'),
  };
}

/** Where a balance stands: a limit counts as reached when the balance equals it. */
export function standingOf(balance: bigint, { soft, hard }: BalanceLimits): AccountStanding {
  if (balance <= hard) return 'exhausted';
  return soft !== undefined && balance <= soft ? 'low' : 'good';
}

/**
 * Where a user goes when money has moved on its account: overdue once it is exhausted, active with the first money, and
 * back from overdue only above the soft limit, so that a little money does not switch it on and off.
 */
export function statusAfter(status: UserStatus, standing: AccountStanding): UserStatus {
  if (standing === 'exhausted') return status === 'active' ? 'overdue' : status;
  if (status === 'pending') return 'active';
  return status === 'overdue' && standing === 'good' ? 'active' : status;
}
