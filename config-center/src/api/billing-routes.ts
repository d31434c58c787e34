import { ADMIN_API, amountOf } from '@ai-gateway/contracts';
import type { Express } from 'express';
import { sessionFor } from '../auth/authorize.ts';
import { audited } from '../db/audited.ts';
import { balancesOf, lockBalances, openBalances } from '../db/balances.ts';
import type { Connection } from '../db/connection.ts';
import { cursorOf, placeIn } from '../db/keyset.ts';
import { bookEntry, closeBalance, listEntries } from '../db/ledger.ts';
import type { Resources } from '../db/store.ts';
import type { Row, Rows } from '../db/tables.ts';
import { scopedTo } from '../db/tenant-scope.ts';
import { differenceOf } from '../domain/charges.ts';
import { Refusal } from '../domain/faults.ts';
import { settleStandings } from '../publish/account-standings.ts';
import { handle } from './handle.ts';
import { accounts } from './kinds.ts';
import { changesOf, listed, type ResourceOptions, versionIn } from './resources.ts';
import { notFound, writesOf } from './writes.ts';

const { accounts: ROUTES } = ADMIN_API;

/** Whose the ledger is, and in what. */
const FIXED = ['tenantId', 'userId', 'currency'] as const;

/** Accounts and their ledger. */
export function billingRoutes(app: Express, options: ResourceOptions): void {
  accountRoutes(app, options);
  ledgerRoutes(app, options);
}

/** Every write of an account settles where its balance stands, in the same transaction. */
function accountRoutes(app: Express, options: ResourceOptions): void {
  const { store, authorize, now } = options;
  const writes = writesOf(accounts, now);
  const change = changesOf(options);
  const settled = async (resources: Resources, connection: Connection, id: string) => {
    await settleStandings({ resources, connection, at: now() }, [id]);
    return withBalance(connection, await accountIn(resources, id));
  };

  handle(app, ROUTES.list, authorize, async ({ query, response }) => {
    const page = await listed(store, 'account', query, response);
    const balances = await balancesOf(
      store.connection,
      page.items.map(({ id }) => id),
    );
    return { ...page, items: page.items.map((row) => ({ ...row, balance: amountOf(balances.get(row.id) ?? 0n) })) };
  });
  handle(app, ROUTES.read, authorize, async ({ params, response }) =>
    withBalance(store.connection, await accountIn(scopedTo(sessionFor(response).tenantId, store), params.id)),
  );
  handle(app, ROUTES.create, authorize, ({ body, ...call }) =>
    change(call, async (reach, connection) => {
      const { id } = await writes.add((newId) => ({ ...body, id: newId, standing: 'exhausted' }), reach);
      await openBalances(connection, [id]);
      return settled(reach.all, connection, id);
    }),
  );
  handle(app, ROUTES.update, authorize, ({ body, params: { id = '' }, ...call }) =>
    change(call, async (reach, connection) => {
      // The balance before the account, in the order in which charges take them.
      await lockBalances(connection, [id]);
      refuseOtherPayer(await accountIn(reach.rows, id), body);
      await writes.update(id, { ...body, version: body.version ?? versionIn(call.request) }, reach);
      return settled(reach.all, connection, id);
    }),
  );
  handle(app, ROUTES.remove, authorize, ({ params: { id = '' }, ...call }) =>
    change(call, async (reach, connection) => {
      await accountIn(reach.rows, id);
      const message = 'It has entries in the ledger, which are kept; freeze it instead.';
      if (!(await closeBalance(connection, id))) throw new Refusal(409, message, [{ path: '', message }]);
      await writes.remove(id, reach);
      return {};
    }),
  );
}

function ledgerRoutes(app: Express, { store, publisher, authorize, now }: ResourceOptions): void {
  handle(app, ROUTES.entries, authorize, async ({ params, query: { kind, cursor, size }, response }) => {
    const { id: accountId } = await accountIn(scopedTo(sessionFor(response).tenantId, store), params.id);
    const after = cursor === undefined ? undefined : placeIn(cursor, 1);
    // One more than the page tells whether there is another.
    const found = await listEntries(store.connection, { accountId, kind, after, size: size + 1 });
    const items = found.slice(0, size);
    const last = found.length > size ? items.at(-1) : undefined;
    return { items, ...(last && { next: cursorOf([last.id]) }) };
  });
  handle(app, ROUTES.book, authorize, ({ params, body, response }) => {
    const { administrator: actor } = sessionFor(response);
    return publisher.change(async (resources, connection) => {
      const at = now();
      const all = audited(resources, actor, at);
      const account = await accountIn(all, params.id);
      const { entry, isNew } = await bookEntry(connection, { accountId: account.id, draft: body, actor, at });
      if (isNew) {
        if (body.kind === 'top_up') await refuseClosedUser(all, account);
        const told = { at, actor, kind: 'ledger_entry', rowId: String(entry.id) };
        await all.record({ ...told, action: 'create', after: { ...entry } });
        await settleStandings({ resources: all, connection, at }, [account.id]);
        return entry;
      }
      const field = differenceOf(body, entry);
      if (field === undefined) return entry;
      const message = `An entry with this idempotency key has another ${field}.`;
      throw new Refusal(409, message, [{ path: field, message }]);
    }, actor);
  });
}

/** @throws Refusal 404 */
async function accountIn(resources: Resources, id = ''): Promise<Row<'account'>> {
  const account = await resources.read('account', id);
  if (account === undefined) throw notFound(accounts);
  return account;
}

async function withBalance(connection: Connection, account: Row<'account'>) {
  const balances = await balancesOf(connection, [account.id]);
  return { ...account, balance: amountOf(balances.get(account.id) ?? 0n) };
}

/** @throws Refusal 400 when an account would go to somebody else with its ledger */
function refuseOtherPayer(before: Rows['account'], after: Pick<Rows['account'], (typeof FIXED)[number]>): void {
  const faults = FIXED.filter((field) => before[field] !== after[field]).map((path) => ({
    path,
    message: 'It stays as it is, since the ledger was kept for it.',
  }));
  if (faults.length > 0) throw new Refusal(400, 'The account is not valid.', faults);
}

/** @throws Refusal 409 for a top-up of somebody who is not to come back */
async function refuseClosedUser(resources: Resources, { userId }: Rows['account']): Promise<void> {
  const user = userId === undefined ? undefined : await resources.read('end_user', userId);
  if (user?.status !== 'blacklisted' && user?.status !== 'canceled') return;
  const message = `The user of the account is ${user.status}.`;
  throw new Refusal(409, message, [{ path: 'kind', message }]);
}
