import type { Account, ChargeTerms, Snapshot } from '@ai-gateway/contracts';
import { chargedPriceOf, type PriceIndex, type RateIndex, type RequestFacts } from '@ai-gateway/limits';
import { GatewayError } from './gateway-error.ts';

/** Accounts by whose they are. */
export type Accounts = ReadonlyMap<string, Account>;

/** What charges are worked out from. */
interface ChargingRules {
  readonly accounts: Accounts;
  readonly prices: PriceIndex;
  readonly rates: RateIndex;
}

type PayerFacts = Pick<RequestFacts, 'tenantId' | 'userId'>;

/** Accounts that pay: a user's is left alone in its free period. */
export function indexAccounts({ accounts, users }: Pick<Snapshot, 'accounts' | 'users'>): Accounts {
  const free = new Set(users.filter(({ status }) => status === 'free_period').map(({ id }) => id));
  return new Map(
    accounts
      .filter(({ userId }) => userId === undefined || !free.has(userId))
      .map((account) => [ownerKey(account), account]),
  );
}

/** The account of the payer: of the tenant, else of the user. Undefined: nobody is charged. */
export function accountOf(accounts: Accounts, { tenantId, userId }: PayerFacts): Account | undefined {
  return tenantId === undefined && userId === undefined ? undefined : accounts.get(ownerKey({ tenantId, userId }));
}

/** @throws GatewayError `insufficient_balance` when the account may not pay now */
export function requireBalance(account: Account | undefined): void {
  if (account === undefined) return;
  if (account.status === 'frozen') {
    throw new GatewayError('insufficient_balance', { message: 'The account of this virtual key is frozen.' });
  }
  if (account.standing === 'exhausted') throw new GatewayError('insufficient_balance');
}

/** What the client is told of the payer's balance. */
export function balanceHeaders(account: Account | undefined): Readonly<Record<string, string>> {
  return account?.standing === 'low' ? { 'x-balance-warning': 'soft' } : {};
}

/** Who is charged for a request, and at which price; undefined when nobody is, or the model has no price. */
export function chargeTermsOf(rules: ChargingRules, facts: RequestFacts): ChargeTerms | undefined {
  const account = accountOf(rules.accounts, facts);
  const price = account && chargedPriceOf(rules, facts);
  if (account === undefined || price === undefined) return undefined;
  const { id: priceId, inputPerMillion, outputPerMillion } = price;
  return { accountId: account.id, priceId, inputPerMillion, outputPerMillion };
}

function ownerKey({ tenantId, userId }: PayerFacts): string {
  return tenantId === undefined ? `user ${userId}` : `tenant ${tenantId}`;
}
