import type { Tenant, User } from '@ai-gateway/contracts';
import type { Logger } from 'pino';
import { audited } from '../db/audited.ts';
import { balancesOf, lockBalances, openBalances } from '../db/balances.ts';
import type { Resources, Store } from '../db/store.ts';
import type { Row, Rows } from '../db/tables.ts';
import { balanceLayers, balanceLimitsOf, type PayerRows, standingOf, statusAfter } from '../domain/standing.ts';
import type { Turn } from './held-rules.ts';
import type { Publisher } from './publisher.ts';

/** Who changes standings in the audit log. */
const BILLING = 'billing';

/** Accounts that are settled in one change. */
const SETTLED_AT_ONCE = 500;

/** Keeps the standings of accounts as their balances and limits have them. */
export interface StandingKeeper {
  /** Settles accounts whose balances have moved: makes a revision if one has come to stand elsewhere. */
  settle(accountIds: readonly string[]): Promise<void>;
}

interface KeeperOptions {
  readonly store: Store;
  readonly publisher: Publisher;
  readonly log: Logger;
  readonly now: () => string;
}

/** Looks at all accounts at the start and after each change of the rules, since limits and payers are among them. */
export function standingKeeper({ store, publisher, log, now }: KeeperOptions): StandingKeeper {
  async function settle(accountIds?: readonly string[]): Promise<void> {
    const moved = await movedIn(store, accountIds, (ids) => balancesOf(store.connection, ids));
    for (let from = 0; from < moved.length; from += SETTLED_AT_ONCE) {
      const ids = moved.slice(from, from + SETTLED_AT_ONCE).map(({ account }) => account.id);
      await publisher.change((resources, connection) => {
        const at = now();
        return settleStandings({ resources: audited(resources, BILLING, at), connection, at }, ids);
      }, BILLING);
    }
  }

  let isBusy = false;
  let isWanted = false;
  /** Once more when something has changed meanwhile, and not twice at a time. */
  async function settleAll(): Promise<void> {
    isWanted = true;
    if (isBusy) return;
    isBusy = true;
    try {
      while (isWanted) {
        isWanted = false;
        await settle();
      }
    } catch (error) {
      log.warn({ error: String(error) }, 'the standings of accounts cannot be settled now');
    } finally {
      isBusy = false;
    }
  }

  publisher.onChange(() => void settleAll());
  void settleAll();
  return { settle };
}

/**
 * Writes where accounts stand, and the status of their users where that changes with it, in the transaction of a change.
 */
export async function settleStandings(
  { resources, connection, at }: Pick<Turn, 'resources' | 'connection' | 'at'>,
  accountIds: readonly string[],
): Promise<void> {
  await openBalances(connection, accountIds);
  for (const { account, standing } of await movedIn(resources, accountIds, (ids) => lockBalances(connection, ids))) {
    await resources.update('account', { ...account, standing }, at);
    const user = account.userId === undefined ? undefined : await resources.read('end_user', account.userId);
    if (user === undefined) continue;
    const status = statusAfter(user.status, standing);
    if (status === user.status) continue;
    await resources.update('end_user', { ...user, status, statusReason: `balance ${standing}` }, at);
  }
}

interface Moved {
  readonly account: Row<'account'>;
  /** Where it stands now; it is written down as standing elsewhere. */
  readonly standing: Rows['account']['standing'];
}

/** Accounts, all without a choice, that stand elsewhere than is written down. */
async function movedIn(
  resources: Resources,
  accountIds: readonly string[] | undefined,
  readBalances: (accountIds: readonly string[]) => ReturnType<typeof balancesOf>,
): Promise<readonly Moved[]> {
  const accounts = await rowsOf(resources, 'account', accountIds);
  if (accounts.length === 0) return [];
  const balances = await readBalances(accounts.map(({ id }) => id));
  const payers = await payersOf(resources, accountIds === undefined ? undefined : accounts);
  return accounts.flatMap((account) => {
    const standing = standingOf(balances.get(account.id) ?? 0n, balanceLimitsOf(account, payers));
    return standing === account.standing ? [] : [{ account, standing }];
  });
}

async function payersOf(resources: Resources, accounts: readonly Rows['account'][] | undefined): Promise<PayerRows> {
  const idsIn = (field: 'tenantId' | 'userId') => accounts?.flatMap((account) => account[field] ?? []);
  const byId = <T extends Tenant | User>(rows: readonly T[]) => new Map(rows.map((row) => [row.id, row]));
  return {
    tenants: byId(await rowsOf(resources, 'tenant', idsIn('tenantId'))),
    users: byId(await rowsOf(resources, 'end_user', idsIn('userId'))),
    layers: balanceLayers(await resources.all('layered_limit')),
  };
}

async function rowsOf<Name extends 'account' | 'tenant' | 'end_user'>(
  resources: Resources,
  table: Name,
  ids: readonly string[] | undefined,
): Promise<readonly Row<Name>[]> {
  if (ids === undefined) return resources.all(table);
  const rows = await Promise.all(ids.map((id) => resources.read(table, id)));
  return rows.filter((row) => row !== undefined);
}
