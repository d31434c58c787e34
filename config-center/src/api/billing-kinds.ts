import type { Resources } from '../db/store.ts';
import type { Rows } from '../db/tables.ts';
import { checkAccount } from '../domain/check-draft.ts';
import { type Fault, Refusal, type RowUser } from '../domain/faults.ts';
import { exists, type Kind, refuseTwin } from './kind.ts';

export const rates: Kind<'rate'> = {
  table: 'rate',
  prefix: 'rate',
  name: 'rate',
  async check(row, resources) {
    const others = await resources.all('rate', { providerId: row.providerId, model: row.model });
    refuseTwin(
      others.some(({ id, customerTypeId }) => id !== row.id && customerTypeId === row.customerTypeId),
      'model',
      `There already is a rate for "${row.model}" of the provider and customer type.`,
    );
    return [
      ...(await exists(resources, 'provider', 'providerId', row.providerId)),
      ...(await exists(resources, 'customer_type', 'customerTypeId', row.customerTypeId)),
    ];
  },
  beforeRemove: async () => {},
};

export const accounts: Kind<'account'> = {
  table: 'account',
  prefix: 'acc',
  name: 'account',
  kept: ['standing'],
  async check(row, resources) {
    const faults = [
      ...checkAccount(row),
      ...(await exists(resources, 'tenant', 'tenantId', row.tenantId)),
      ...(await exists(resources, 'end_user', 'userId', row.userId)),
    ];
    return faults.length > 0 ? faults : otherAccountFaults(row, await resources.all('account'));
  },
  beforeRemove: async () => {},
};

/** The account of a tenant or user, as what still names it. */
export async function accountOf(
  resources: Resources,
  payer: { readonly tenantId: string } | { readonly userId: string },
): Promise<readonly RowUser[]> {
  const rows = await resources.all('account', payer);
  return rows.map(({ id }) => ({ kind: 'account', id, name: id }));
}

/**
 * Accounts outlive what is written back or applied from a file, so their payers do as well.
 * @throws Refusal 409 when an account names a payer that is not there any more
 */
export async function refuseLostPayers(resources: Resources): Promise<void> {
  const faults: Fault[] = [];
  for (const { id, tenantId, userId } of await resources.all('account')) {
    const missing = [
      ...(await exists(resources, 'tenant', `account ${id} tenantId`, tenantId)),
      ...(await exists(resources, 'end_user', `account ${id} userId`, userId)),
    ];
    faults.push(...missing);
  }
  if (faults.length > 0) throw new Refusal(409, 'Accounts would lose their payers.', faults);
}

/**
 * One account each, and one currency for all, since prices have none of their own.
 * @throws Refusal 409 when the payer has another account
 */
function otherAccountFaults(row: Rows['account'], rows: readonly Rows['account'][]): readonly Fault[] {
  const others = rows.filter(({ id }) => id !== row.id);
  const { tenantId, userId, currency } = row;
  const path = tenantId === undefined ? 'userId' : 'tenantId';
  refuseTwin(
    others.some((other) => other.tenantId === tenantId && other.userId === userId),
    path,
    'It already has an account.',
  );
  const foreign = others.find((other) => other.currency !== currency);
  if (foreign === undefined) return [];
  return [{ path: 'currency', message: `Prices and the other accounts are in ${foreign.currency}.` }];
}
