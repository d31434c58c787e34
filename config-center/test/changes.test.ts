import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forgetAudit } from '../src/db/audit.ts';
import { startConfigCenter } from './support/config-center.ts';
import { startMariadb } from './support/mariadb.ts';

let mariadb: Awaited<ReturnType<typeof startMariadb>>;
beforeAll(async () => {
  mariadb = await startMariadb();
}, 120_000);
afterAll(() => mariadb.stop());

const DATABASES = { SQLite: () => 'sqlite::memory:', MariaDB: () => mariadb.database('changes') };

describe.each(Object.entries(DATABASES))('changes on %s', (_, makeUrl) => {
  let center: Awaited<ReturnType<typeof startConfigCenter>>;
  beforeAll(async () => {
    center = await startConfigCenter({ databaseUrl: await makeUrl() });
  });
  afterAll(() => center.close());

  const make = async (path: string, draft: object) => (await center.call('POST', `/api/v2/${path}`, draft)).body.data;

  it('refuses a replacement of an old version, and shows the row as it is', async () => {
    const made = await make('namespaces', { code: 'v', name: 'V' });
    expect(made.version).toBe(1);
    const path = `/api/v2/namespaces/${made.id}`;
    const put = (name: string, version?: number) => center.call('PUT', path, { code: 'v', name, version });
    expect((await put('first', 1)).body.data).toMatchObject({ name: 'first', version: 2 });
    expect(await put('late', 1)).toMatchObject({
      status: 409,
      body: { data: { errors: [{ path: 'version' }], current: { id: made.id, name: 'first', version: 2 } } },
    });
    expect((await put('unversioned')).body.data.version).toBe(3);
    expect((await put('x', 0)).status).toBe(400);
  });

  it('lets exactly one of many who change the same version win', async () => {
    const { id } = await make('namespaces', { code: 'race', name: 'Race' });
    const tries = Array.from({ length: 12 }, (__, index) =>
      center.call('PUT', `/api/v2/namespaces/${id}`, { code: 'race', name: `racer ${index}`, version: 1 }),
    );
    const statuses = (await Promise.all(tries)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 409)).toHaveLength(11);
  });

  it('lists who uses a row that was to be deleted', async () => {
    const type = await make('customer-types', { name: 'gold' });
    const tenant = await make('tenants', { name: 'Acme', customerTypeId: type.id });
    const key = await make('virtual-keys', { name: 'phone', customerTypeId: type.id });
    const refused = await center.call('DELETE', `/api/v2/customer-types/${type.id}`);
    expect(refused).toMatchObject({ status: 409, body: { message: expect.stringContaining('tenant "Acme"') } });
    expect(refused.body.data.users).toEqual([
      { kind: 'tenant', id: tenant.id, name: 'Acme' },
      { kind: 'virtual key', id: key.id, name: 'phone' },
    ]);
  });

  it('writes down who changed what, before and after, without hashes', async () => {
    const key = await make('virtual-keys', { name: 'secret' });
    const stale = await center.call('PUT', `/api/v2/virtual-keys/${key.id}`, { name: 'x', version: 9 });
    await center.call('PUT', `/api/v2/virtual-keys/${key.id}`, { name: 'renamed', version: 1 });
    await center.call('DELETE', `/api/v2/virtual-keys/${key.id}`);
    const { body } = await center.call('GET', `/api/v2/audit?kind=virtual_key&rowId=${key.id}`);
    expect(body.data.items).toMatchObject([
      { action: 'delete', actor: 'automation', before: { name: 'renamed', version: 2 } },
      { action: 'update', before: { name: 'secret' }, after: { name: 'renamed' } },
      { action: 'create', after: { name: 'secret' } },
    ]);
    expect(stale.status).toBe(409);
    for (const answer of [body, stale.body]) expect(JSON.stringify(answer)).not.toMatch(/secretHash|[0-9a-f]{64}/);
  });

  it('tells of what went with a namespace, and nothing of a change that was refused', async () => {
    const { id } = await make('namespaces', { code: 'gone', name: 'Gone' });
    await make('policies', { namespaceId: id, name: 'p', rule: { kind: 'qps-limit', maxQps: 1 } });
    await center.call('POST', '/api/v2/namespaces', { code: 'gone', name: 'again' });
    await center.call('DELETE', `/api/v2/namespaces/${id}`);
    const { body } = await center.call('GET', '/api/v2/audit?size=4');
    const told = body.data.items.map(({ action, kind }: { action: string; kind: string }) => `${action} ${kind}`);
    expect(told).toEqual(['delete namespace', 'delete policy', 'create policy', 'create namespace']);
  });

  it('pages through the audit log without gaps or repetition, and filters by time', async () => {
    const all = (await center.call('GET', '/api/v2/audit?size=100')).body.data.items;
    const paged = [];
    for (let next = ''; ; ) {
      const { data } = (await center.call('GET', `/api/v2/audit?size=3${next}`)).body;
      paged.push(...data.items);
      if (data.next === undefined) break;
      next = `&next=${data.next}`;
    }
    expect(paged).toEqual(all);
    expect((await center.call('GET', '/api/v2/audit?actor=nobody')).body.data.items).toEqual([]);
    const total = async (query: string) => (await center.call('GET', `/api/v2/audit?${query}`)).body.data.items.length;
    expect(await total(`size=100&from=${all.at(-1).at}&to=${all[0].at}`)).toBe(all.length);
    expect(await total('from=2999-01-01T00:00:00Z')).toBe(0);
    expect(await total('to=2000-01-01T00:00:00%2B02:00')).toBe(0);
  });

  it('forgets old entries', async () => {
    await forgetAudit(center.store.connection, Date.now() - 3_600_000);
    expect((await center.call('GET', '/api/v2/audit')).body.data.items).not.toEqual([]);
    await forgetAudit(center.store.connection, Date.now() + 1);
    expect((await center.call('GET', '/api/v2/audit')).body.data.items).toEqual([]);
  });
});

it('loses no whole change and keeps no half one when MariaDB dies, and goes on when it is back', async () => {
  const own = await startMariadb();
  const center = await startConfigCenter({ databaseUrl: await own.database('dies') });
  const acknowledged: string[] = [];
  let isOver = false;
  const writing = (async () => {
    for (let index = 0; !isOver; index++) {
      const code = `code-${index}`;
      const { status } = await center.call('POST', '/api/v2/namespaces', { code, name: code });
      if (status === 201) acknowledged.push(code);
      else expect(status).toBe(503);
    }
  })();
  await new Promise((resolve) => setTimeout(resolve, 300));
  await own.kill();
  await own.restart();
  await new Promise((resolve) => setTimeout(resolve, 300));
  isOver = true;
  await writing;
  const rows = await center.store.all('namespace');
  const { namespaces } = JSON.parse(center.publisher.current().body);
  const entries = await center.store.connection.selectFrom('audit').select('row_id').execute();
  const codes = rows.map(({ code }) => code);
  expect(acknowledged.filter((code) => !codes.includes(code))).toEqual([]);
  expect(namespaces.map(({ id }: { id: string }) => id)).toEqual(rows.map(({ id }) => id));
  expect(entries.map(({ row_id }) => row_id).sort()).toEqual(rows.map(({ id }) => id).sort());
  await center.close();
  await own.stop();
}, 120_000);
