import { randomUUID } from 'node:crypto';
import type { RequestLogRecord } from '@ai-gateway/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requestLogIntake } from '../src/publish/request-log-intake.ts';
import { GATEWAY_TOKEN, startConfigCenter } from './support/config-center.ts';
import { startMariadb } from './support/mariadb.ts';
import { logRecord } from './support/request-log.ts';

let mariadb: Awaited<ReturnType<typeof startMariadb>>;
beforeAll(async () => {
  mariadb = await startMariadb();
}, 120_000);
afterAll(() => mariadb.stop());

const DATABASES = { SQLite: () => 'sqlite::memory:', MariaDB: () => mariadb.database('accounts') };

describe.each(Object.entries(DATABASES))('accounts on %s', (_, makeUrl) => {
  let center: Awaited<ReturnType<typeof startConfigCenter>>;
  beforeAll(async () => {
    center = await startConfigCenter({ databaseUrl: await makeUrl() });
  });
  afterAll(() => center.close());

  const call = (method: string, path: string, body?: object) => center.call(method, `/api/v2${path}`, body);
  async function made(path: string, draft: object) {
    const { status, body } = await call('POST', path, draft);
    expect([path, status, body.data.errors]).toEqual([path, 201, undefined]);
    return body.data;
  }
  const tenantAccount = async (limits: object = {}) => {
    const { id: tenantId } = await made('/tenants', { name: `tenant ${randomUUID()}` });
    return (await made('/accounts', { tenantId, ...limits })).id as string;
  };
  const userAccount = async (limits: object = {}) => {
    const { id: userId } = await made('/users', { name: 'Ada' });
    return { userId, accountId: (await made('/accounts', { userId, ...limits })).id as string };
  };
  const book = (accountId: string, draft: object) =>
    call('POST', `/accounts/${accountId}/entries`, { idempotencyKey: randomUUID(), ...draft });
  const topUp = (accountId: string, amount: string) => book(accountId, { kind: 'top_up', amount });
  const account = async (id: string) => (await call('GET', `/accounts/${id}`)).body.data;
  const entries = async (id: string, query = '') => (await call('GET', `/accounts/${id}/entries?${query}`)).body.data;
  const published = (id: string) =>
    JSON.parse(center.publisher.current().body).accounts.find((row: { id: string }) => row.id === id);
  const tell = (records: readonly object[]) =>
    center.call('POST', '/internal/v1/request-log', { records }, { authorization: `Bearer ${GATEWAY_TOKEN}` });
  /** A request of so many input tokens at one unit of money each. */
  const used = (accountId: string, inputTokens: number, more: Partial<RequestLogRecord> = {}) =>
    logRecord({
      atMs: Date.parse('2026-03-01T12:00:00Z'),
      inputTokens,
      outputTokens: 0,
      charge: { accountId, priceId: 'price_1', inputPerMillion: '1000000', outputPerMillion: '0' },
      ...more,
    });

  it('are of one payer, in one currency, and there is one for each', async () => {
    const { id: tenantId } = await made('/tenants', { name: 'Tesla' });
    const refused = async (draft: object) => {
      const { status, body } = await call('POST', '/accounts', draft);
      return [status, ...body.data.errors.map(({ path }: { path: string }) => path)];
    };
    expect(await refused({})).toEqual([400, 'tenantId']);
    expect(await refused({ tenantId, userId: 'user_x' })).toEqual([400, 'userId', 'userId']);
    expect(await refused({ tenantId: 'ten_x' })).toEqual([400, 'tenantId']);
    expect(await refused({ tenantId, softLimit: '1', hardLimit: '2' })).toEqual([400, 'softLimit']);
    expect(await refused({ tenantId, balance: '5' })).toEqual([400, 'balance']);
    expect(await refused({ tenantId, standing: 'good' })).toEqual([400, 'standing']);
    const { id, balance, standing, currency } = await made('/accounts', { tenantId });
    expect({ balance, standing, currency }).toEqual({ balance: '0', standing: 'exhausted', currency: 'USD' });
    expect(await refused({ tenantId })).toEqual([409, 'tenantId']);
    const other = await made('/tenants', { name: 'Other' });
    expect(await refused({ tenantId: other.id, currency: 'EUR' })).toEqual([400, 'currency']);

    const given = await call('PUT', `/accounts/${id}`, { tenantId: other.id });
    expect([given.status, given.body.data.errors[0].path]).toEqual([400, 'tenantId']);
    const inUse = await call('DELETE', `/tenants/${tenantId}`);
    expect([inUse.status, inUse.body.data.users]).toEqual([409, [{ kind: 'account', id, name: id }]]);
    expect((await call('DELETE', `/accounts/${id}`)).status).toBe(200);
    expect((await call('DELETE', `/tenants/${tenantId}`)).status).toBe(200);
  });

  it('have the balance that their entries add up to, to the nano-unit, and keep every entry', async () => {
    const id = await tenantAccount();
    for (const [kind, amount] of [
      ['top_up', '999999999.000000001'],
      ['refund', '0.000000002'],
      ['adjustment', '-0.5'],
      ['top_up', '999999999'],
    ])
      expect((await book(id, { kind, amount })).status).toBe(201);
    await tell([used(id, 3)]);
    const { items } = await entries(id);
    expect(items.map(({ kind, amount, balance }: Record<string, string>) => [kind, amount, balance])).toEqual([
      ['usage', '-3', '1999999994.500000003'],
      ['top_up', '999999999', '1999999997.500000003'],
      ['adjustment', '-0.5', '999999998.500000003'],
      ['refund', '0.000000002', '999999999.000000003'],
      ['top_up', '999999999.000000001', '999999999.000000001'],
    ]);
    expect((await account(id)).balance).toBe('1999999994.500000003');
    expect((await call('GET', '/accounts?size=100')).body.data.items).toContainEqual(await account(id));
    expect((await call('DELETE', `/accounts/${id}`)).status).toBe(409);
  });

  it('are booked once per idempotency key, and refuse the key for anything else', async () => {
    const id = await tenantAccount();
    const draft = { kind: 'top_up', amount: '5.0', note: 'bank', idempotencyKey: 'order-1' };
    const twice = await Promise.all([book(id, draft), book(id, draft), book(id, { ...draft, amount: '5' })]);
    expect(twice.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(new Set(twice.map(({ body }) => body.data.id)).size).toBe(1);
    for (const [change, field] of [
      [{ amount: '6' }, 'amount'],
      [{ kind: 'refund' }, 'kind'],
      [{ note: '' }, 'note'],
    ] as const) {
      const { status, body } = await book(id, { ...draft, ...change });
      expect([status, body.data.errors[0].path]).toEqual([409, field]);
    }
    expect((await account(id)).balance).toBe('5');
    expect((await book(await tenantAccount(), draft)).status).toBe(201);
    const { items } = (await call('GET', '/audit?kind=ledger_entry&size=100')).body.data;
    const told = items.filter(({ after }: { after: { accountId: string } }) => after.accountId === id);
    expect(told).toMatchObject([{ actor: 'automation', action: 'create', after: { amount: '5', note: 'bank' } }]);
  });

  it.each([
    [{ kind: 'top_up', amount: '0' }],
    [{ kind: 'top_up', amount: '-1' }],
    [{ kind: 'refund', amount: '-1' }],
    [{ kind: 'adjustment', amount: '0.0' }],
    [{ kind: 'usage', amount: '1' }],
    [{ kind: 'top_up', amount: '1e3' }],
    [{ kind: 'top_up', amount: 5 }],
  ])('refuse %j', async (draft) => {
    const id = await tenantAccount();
    expect((await book(id, draft)).status).toBe(400);
    expect((await entries(id)).items).toEqual([]);
    expect((await book('acc_x', { kind: 'top_up', amount: '1' })).status).toBe(404);
  });

  it('page through their ledger by keyset, also by kind', async () => {
    const id = await tenantAccount();
    for (let number = 1; number <= 7; number++) await topUp(id, String(number));
    await tell([used(id, 1)]);
    const seen: string[] = [];
    let query = 'kind=top_up&size=3';
    for (;;) {
      const page = await entries(id, query);
      seen.push(...page.items.map(({ amount }: { amount: string }) => amount));
      if (page.next === undefined) break;
      await topUp(id, '100');
      query = `kind=top_up&size=3&cursor=${page.next}`;
    }
    expect(seen).toEqual(['7', '6', '5', '4', '3', '2', '1']);
    expect((await call('GET', `/accounts/${id}/entries?cursor=abc`)).status).toBe(400);
  });

  it('are charged once for each record, however often and with whatever else it comes', async () => {
    const id = await tenantAccount();
    const other = await tenantAccount();
    await topUp(id, '100');
    const record = used(id, 7, { requestId: 'same', recordId: 'once', virtualKeyId: 'vk_1', provider: 'openai' });
    expect((await tell([record, record])).status).toBe(200);
    const answers = await Promise.all([tell([record]), tell([used(other, 1), record]), tell([record, used(id, 1)])]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    // A client may send one request id twice: those are two requests.
    await tell([used(id, 2, { requestId: 'same' })]);
    expect([(await account(id)).balance, (await account(other)).balance]).toEqual(['90', '-1']);
    const { items } = await entries(id, 'kind=usage');
    expect(items.find(({ usage }: { usage: { recordId: string } }) => usage.recordId === 'once')).toMatchObject({
      amount: '-7',
      actor: 'billing',
      usage: { requestId: 'same', virtualKeyId: 'vk_1', provider: 'openai', model: 'm', priceId: 'price_1' },
    });
  });

  it('are charged all of it when many gateways tell of many requests at once', async () => {
    const ids = await Promise.all([tenantAccount(), tenantAccount(), tenantAccount()]);
    const batches = Array.from({ length: 12 }, () =>
      Array.from({ length: 30 }, (__, index) => used(ids[index % 3] ?? '', 1, { recordId: randomUUID() })),
    );
    // Each is told twice; a refusal is told again, as gateways do.
    await Promise.all(
      [...batches, ...batches].map(async (batch) => {
        while ((await tell(batch)).status !== 200) {
          /* again */
        }
      }),
    );
    for (const id of ids) expect((await account(id)).balance).toBe('-120');
  });

  it('round a charge up, charge nothing without tokens, and pass over an account that has gone', async () => {
    const id = await tenantAccount();
    const charge = { accountId: id, priceId: 'p', inputPerMillion: '0.000001', outputPerMillion: '0' };
    const gone = { ...charge, accountId: 'acc_gone' };
    await tell([
      used(id, 1, { charge }),
      used(id, 0),
      used(id, 1, { charge: undefined }),
      used(id, 5, { charge: gone }),
    ]);
    expect((await account(id)).balance).toBe('-0.000000001');
    const most = { ...charge, inputPerMillion: '999999999.999999999' };
    for (let time = 0; time < 3; time++) await tell([used(id, 100_000_000, { charge: most })]);
    expect((await account(id)).balance).toBe('-9000000000');
    expect((await topUp(id, '1')).body.data.balance).toBe('-8999999999');
  });

  it('stand as their limits say, at both edges, and publish only when that changes', async () => {
    const id = await tenantAccount({ softLimit: '500', hardLimit: '200' });
    const standingAfter = async (movement: Promise<unknown>) => {
      await movement;
      expect(published(id).standing).toBe((await account(id)).standing);
      expect(published(id)).not.toHaveProperty('balance');
      return published(id).standing;
    };
    expect(await standingAfter(topUp(id, '501'))).toBe('good');
    const { revision } = center.publisher.current();
    expect(await standingAfter(tell([used(id, 0), used(id, 0)]))).toBe('good');
    await topUp(id, '0.5');
    expect(center.publisher.current().revision).toBe(revision);
    expect(await standingAfter(book(id, { kind: 'adjustment', amount: '-0.5' }))).toBe('good');
    expect(await standingAfter(tell([used(id, 1)]))).toBe('low');
    expect(await standingAfter(tell([used(id, 299)]))).toBe('low');
    expect(await standingAfter(tell([used(id, 1)]))).toBe('exhausted');
    expect((await account(id)).balance).toBe('200');
    expect(await standingAfter(topUp(id, '0.000000001'))).toBe('low');
    expect(await standingAfter(tell([used(id, 1000)]))).toBe('exhausted');
    const row = await account(id);
    const { id: __, balance: ___, standing: ____, createdAt: _____, updatedAt: ______, ...draft } = row;
    expect(await standingAfter(call('PUT', `/accounts/${id}`, { ...draft, hardLimit: '-1000' }))).toBe('low');
    expect((await call('PUT', `/accounts/${id}`, draft)).status).toBe(409);
    const { items } = (await call('GET', `/audit?kind=account&rowId=${id}&actor=billing`)).body.data;
    expect(items.map(({ after }: { after: { standing: string } }) => after.standing)).toEqual([
      'exhausted',
      'exhausted',
      'low',
    ]);
  });

  it('are settled by the next telling, or the next change, when a charge was posted and not settled', async () => {
    const id = await tenantAccount();
    await topUp(id, '5');
    const dies = requestLogIntake(center.store.connection, Date.now, () => Promise.reject(new Error('killed')));
    const records = [used(id, 5)];
    await expect(dies(records)).rejects.toThrow('killed');
    expect([(await account(id)).balance, published(id).standing]).toEqual(['0', 'good']);
    await tell(records);
    expect([(await account(id)).balance, published(id).standing]).toEqual(['0', 'exhausted']);

    await topUp(id, '5');
    await expect(dies([used(id, 5)])).rejects.toThrow('killed');
    await made('/tenants', { name: `tenant ${randomUUID()}` });
    await expect.poll(() => published(id).standing, { timeout: 30_000 }).toBe('exhausted');
  });

  it('take limits that they do not set themselves from the layers, also when those change later', async () => {
    const { id: customerTypeId } = await made('/customer-types', { name: `type ${randomUUID()}` });
    const { id: tenantId } = await made('/tenants', { name: `tenant ${randomUUID()}`, customerTypeId });
    const { id } = await made('/accounts', { tenantId });
    await topUp(id, '300');
    expect(published(id).standing).toBe('good');
    const layer = (targetType: string, targetId: string, control: string, amount: string) =>
      made('/layered-limits', { targetType, targetId, limit: { control, amount } });
    await layer('customer_type', customerTypeId, 'soft_limit', '500');
    await expect.poll(() => published(id).standing, { timeout: 30_000 }).toBe('low');
    await layer('customer_type', customerTypeId, 'hard_limit', '400');
    await expect.poll(() => published(id).standing, { timeout: 30_000 }).toBe('exhausted');
    const own = await layer('tenant', tenantId, 'hard_limit', '299.999999999');
    await expect.poll(() => published(id).standing, { timeout: 30_000 }).toBe('low');
    await call('DELETE', `/layered-limits/${own.id}`);
    await expect.poll(() => published(id).standing, { timeout: 30_000 }).toBe('exhausted');
  });

  it('move their users: pending, active, overdue, and back only above the soft limit', async () => {
    const { userId, accountId } = await userAccount({ softLimit: '5' });
    const status = async () => (await call('GET', `/users/${userId}`)).body.data.status;
    expect(await status()).toBe('pending');
    await topUp(accountId, '0.03');
    expect(await status()).toBe('active');
    // requirements.md 4.6: 0.03 - 0.057 is -0.027; with 3 more it is 2.973, with 10 more 12.973.
    const charge = { accountId, priceId: 'p', inputPerMillion: '1000', outputPerMillion: '1000' };
    await tell([used(accountId, 18, { outputTokens: 39, charge })]);
    expect([await status(), (await account(accountId)).balance]).toEqual(['overdue', '-0.027']);
    await topUp(accountId, '3');
    expect([await status(), (await account(accountId)).balance]).toEqual(['overdue', '2.973']);
    await topUp(accountId, '10');
    expect([await status(), (await account(accountId)).balance]).toEqual(['active', '12.973']);
    const early = { kind: 'top_up', amount: '1', idempotencyKey: 'early' };
    expect((await book(accountId, early)).status).toBe(201);
    await call('POST', `/users/${userId}/status`, { status: 'blacklisted' });
    expect((await book(accountId, early)).status).toBe(201);
    expect((await account(accountId)).balance).toBe('13.973');
    expect((await topUp(accountId, '1')).status).toBe(409);
    expect((await book(accountId, { kind: 'refund', amount: '1' })).status).toBe(201);
    expect(await status()).toBe('blacklisted');
  });

  it('are charged by rates, which are rules: checked, in the file, and taken away with what they name', async () => {
    const { id: providerId } = await made('/providers', { name: 'rated', models: ['m'] });
    const { id: customerTypeId } = await made('/customer-types', { name: 'rated' });
    const rate = { providerId, customerTypeId, model: 'm', inputPerMillion: '1.5', outputPerMillion: '2' };
    const { id } = await made('/rates', rate);
    await made('/rates', { ...rate, customerTypeId: undefined });
    const statusOf = async (draft: object) => (await call('POST', '/rates', draft)).status;
    expect(await statusOf(rate)).toBe(409);
    expect(await statusOf({ ...rate, model: 'n', providerId: 'prov_x' })).toBe(400);
    expect(await statusOf({ ...rate, model: 'n', customerTypeId: 'ct_x' })).toBe(400);
    expect(await statusOf({ ...rate, model: 'n', inputPerMillion: '-1' })).toBe(400);
    const { rates } = (await call('GET', '/rule-set')).body.data.file;
    expect(rates).toEqual([
      { provider: 'rated', customerType: 'rated', model: 'm', inputPerMillion: '1.5', outputPerMillion: '2' },
      { provider: 'rated', model: 'm', inputPerMillion: '1.5', outputPerMillion: '2' },
    ]);
    const applied = await call('POST', '/rule-set/apply', {
      file: { version: 1, rates: [{ ...rates[0], inputPerMillion: '3' }] },
      prune: true,
    });
    expect(applied.body.data.changes.map(({ action }: { action: string }) => action).sort()).toEqual([
      'delete',
      'update',
    ]);
    expect((await call('GET', `/rates/${id}`)).body.data).toMatchObject({ inputPerMillion: '3', version: 2 });
    expect((await call('DELETE', `/customer-types/${customerTypeId}`)).status).toBe(200);
    expect((await call('GET', '/rates')).body.data.items).toEqual([]);
  });

  it('outlive a roll-back and a file, which may not take their payers', async () => {
    const { revision } = center.publisher.current();
    const id = await tenantAccount();
    await topUp(id, '7');
    const back = await call('POST', `/revisions/${revision}/rollback`);
    expect([back.status, back.body.message]).toEqual([409, 'Accounts would lose their payers.']);
    const pruned = await call('POST', '/rule-set/apply', { file: { version: 1, tenants: [] }, prune: true });
    expect([pruned.status, pruned.body.message]).toEqual([409, 'Accounts would lose their payers.']);

    const before = center.publisher.current().revision;
    await topUp(id, '1');
    await call('PUT', `/tenants/${(await account(id)).tenantId}`, { name: `renamed ${id}` });
    expect((await call('POST', `/revisions/${before}/rollback`)).status).toBe(200);
    expect(await account(id)).toMatchObject({ balance: '8', standing: 'good' });
  });
});
