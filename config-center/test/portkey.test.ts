import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { forgetAudit } from '../src/db/audit.ts';
import { startConfigCenter } from './support/config-center.ts';
import { startMariadb } from './support/mariadb.ts';

type Answer = Awaited<ReturnType<Awaited<ReturnType<typeof startConfigCenter>>['call']>>;

let count = 0;
let server: Awaited<ReturnType<typeof startMariadb>>;
beforeAll(async () => {
  server = await startMariadb();
});
afterAll(() => server.stop());

describe.each(['sqlite', 'mysql'] as const)('Portkey configs on %s', (kind) => {
  let nowMs: number;
  let center: Awaited<ReturnType<typeof startConfigCenter>>;
  let gatewayId: string;
  let openId: string;
  let otherId: string;
  let upstreamId: string;

  const call = (method: string, path: string, body?: unknown): Promise<Answer> =>
    center.call(method, `/api/v2${path}`, body);
  const rules = () => JSON.parse(center.publisher.current().body).portkeyConfigs;
  const fault = ({ status, body }: Answer) => [status, body.data.errors?.[0]?.path];

  async function made(path: string, body: object): Promise<string> {
    const answer = await call('POST', path, body);
    expect(answer.status, JSON.stringify(answer.body)).toBe(201);
    return answer.body.data.id;
  }
  const draft = (more: object = {}) => ({
    providerId: gatewayId,
    name: 'main',
    targets: [{ providerId: openId, upstreamId, model: 'gpt-4o' }],
    ...more,
  });

  beforeEach(async () => {
    nowMs = Date.parse('2026-01-01T00:00:00Z');
    const databaseUrl = kind === 'sqlite' ? undefined : await server.database(`d${count++}`);
    center = await startConfigCenter({ nowMs: () => nowMs, ...(databaseUrl !== undefined && { databaseUrl }) });
    gatewayId = await made('/providers', { name: 'portkey', dialect: 'portkey', models: ['*'] });
    openId = await made('/providers', { name: 'open', models: [] });
    otherId = await made('/providers', { name: 'other', models: [] });
    upstreamId = await made('/upstreams', { providerId: openId, baseUrl: 'https://open.example' });
  });
  afterEach(() => center.close());

  it('are published as they are written, and every version is kept for good', async () => {
    const id = await made('/portkey-configs', draft({ metadata: { team: 'a' }, retry: { attempts: 2 } }));
    expect(rules()).toEqual([
      {
        id,
        providerId: gatewayId,
        name: 'main',
        description: '',
        isEnabled: true,
        strategy: { mode: 'single' },
        targets: [{ providerId: openId, upstreamId, model: 'gpt-4o', weight: 1 }],
        retry: { attempts: 2 },
        metadata: { team: 'a' },
      },
    ]);
    nowMs += 60_000;
    expect((await call('PUT', `/portkey-configs/${id}`, draft({ requestTimeoutMs: 500 }))).body.data.version).toBe(2);
    nowMs += 60_000;
    expect((await call('DELETE', `/portkey-configs/${id}`)).status).toBe(200);
    expect(rules()).toEqual([]);

    await forgetAudit(center.store.connection, nowMs + 1);
    const { items, next } = (await call('GET', `/portkey-configs/${id}/versions?size=2`)).body.data;
    expect(items).toMatchObject([
      { effectiveFrom: '2026-01-01T00:01:00.000Z', effectiveTo: '2026-01-01T00:02:00.000Z', config: { version: 2 } },
    ]);
    const second = (await call('GET', `/portkey-configs/${id}/versions?size=1&cursor=${next}`)).body.data;
    expect(second.items).toMatchObject([
      {
        actor: 'automation',
        effectiveFrom: '2026-01-01T00:00:00.000Z',
        effectiveTo: '2026-01-01T00:01:00.000Z',
        config: { version: 1, retry: { attempts: 2 } },
      },
    ]);
    expect(second.next).toBeUndefined();
  });

  it('take turns: activating one switches the other off, in one revision', async () => {
    const first = await made('/portkey-configs', draft());
    expect(fault(await call('POST', '/portkey-configs', draft({ name: 'next' })))).toEqual([409, 'isEnabled']);
    const second = await made('/portkey-configs', draft({ name: 'next', isEnabled: false }));
    const { revision } = center.publisher.current();
    expect((await call('POST', `/portkey-configs/${second}/activate`)).body.data.isEnabled).toBe(true);
    expect(center.publisher.current().revision).toBe(revision + 1);
    const active = () => rules().flatMap((row: { id: string; isEnabled: boolean }) => (row.isEnabled ? [row.id] : []));
    expect(active()).toEqual([second]);
    expect((await call('POST', `/portkey-configs/${second}/deactivate`)).body.data.isEnabled).toBe(false);
    expect(active()).toEqual([]);
    await call('POST', `/portkey-configs/${first}/activate`);
    expect(active()).toEqual([first]);
    const { body } = await call('GET', `/portkey-configs/${second}/versions`);
    expect(body.data.items.map(({ config }: { config: { isEnabled: boolean } }) => config.isEnabled)).toEqual([
      false,
      true,
      false,
    ]);
    expect((await call('POST', '/portkey-configs/pkc_x/activate')).status).toBe(404);
  });

  it('that could not work are refused with the field at fault', async () => {
    const post = async (more: object) => fault(await call('POST', '/portkey-configs', draft(more)));
    const target = { providerId: openId };
    expect(await post({ providerId: openId, targets: [{ providerId: otherId }] })).toEqual([400, 'providerId']);
    expect(await post({ targets: [{ providerId: gatewayId }] })).toEqual([400, 'targets.0.providerId']);
    expect(await post({ targets: [{ providerId: 'prov_x' }] })).toEqual([400, 'targets.0.providerId']);
    expect(await post({ targets: [{ providerId: otherId, upstreamId }] })).toEqual([400, 'targets.0.upstreamId']);
    expect(await post({ targets: [] })).toEqual([400, 'targets']);
    expect(await post({ targets: [target, target] })).toEqual([400, 'strategy.mode']);
    expect(await post({ overrideParams: { max_tokens: 9 } })).toEqual([400, 'overrideParams.max_tokens']);
    expect(await post({ targets: [{ ...target, overrideParams: { stream: true } }] })).toEqual([
      400,
      'targets.0.overrideParams.stream',
    ]);
    expect(await post({ overrideParams: { stop: '长'.repeat(1_000) } })).toEqual([400, '']);
    const conditional = (query: object) => ({
      targets: [{ ...target, name: 'a' }],
      strategy: { mode: 'conditional', conditions: [{ query, target: 'a' }], default: 'b' },
    });
    expect(await post(conditional({ 'metadata.tenant': 'x' }))).toEqual([400, 'strategy.default']);
    expect(await post(conditional({ tenant: 'x' }))).toEqual([400, 'strategy.conditions.0.query.tenant']);
    const unknown = { $and: [{ 'params.model': { $like: 'x' } }] };
    expect(await post(conditional(unknown))).toEqual([400, 'strategy.conditions.0.query.$and.0.params.model']);
    await made('/portkey-configs', draft());
    expect(await post({ isEnabled: false })).toEqual([409, 'name']);
  });

  it('keep what they name, and go with the provider that they belong to', async () => {
    await made('/portkey-configs', draft());
    for (const path of [`/upstreams/${upstreamId}`, `/providers/${openId}`]) {
      const { status, body } = await call('DELETE', path);
      expect([status, body.data.users.at(-1)]).toMatchObject([409, { kind: 'Portkey config', name: 'main' }]);
    }
    const asGateway = { name: 'open', dialect: 'portkey', models: [] };
    expect(fault(await call('PUT', `/providers/${openId}`, asGateway))).toEqual([400, 'dialect']);
    const asOther = { name: 'portkey', dialect: 'openai', models: ['*'] };
    expect(fault(await call('PUT', `/providers/${gatewayId}`, asOther))).toEqual([400, 'dialect']);
    expect((await call('DELETE', `/providers/${gatewayId}`)).status).toBe(200);
    expect(rules()).toEqual([]);
  });

  it('stand in a file by the names of what they name, and come back with a revision', async () => {
    const id = await made('/portkey-configs', draft());
    const { revision } = center.publisher.current();
    const { portkeyConfigs, ...file } = (await call('GET', '/rule-set')).body.data.file;
    expect(portkeyConfigs).toMatchObject([
      { provider: 'portkey', name: 'main', targets: [{ provider: 'open', upstream: 'open https://open.example' }] },
    ]);
    const [row] = portkeyConfigs;
    const apply = (rows: object[]) =>
      call('POST', '/rule-set/apply', { file: { ...file, portkeyConfigs: rows }, prune: true });
    expect((await apply([row])).body.data.changes).toEqual([]);
    const named = { ...row, targets: [{ provider: 'other', weight: 2 }] };
    expect((await apply([named])).body.data.changes).toMatchObject([{ action: 'update', id, name: 'portkey main' }]);
    expect(rules()[0].targets).toEqual([{ providerId: otherId, weight: 2 }]);

    const refusals = [
      [{ ...row, targets: [{ provider: 'nobody' }] }],
      [{ ...row, targets: [{ provider: 'portkey' }] }],
      [row, { ...row, name: 'second' }],
      [{ ...row, provider: 'open', targets: [{ provider: 'other' }] }],
    ];
    for (const rows of refusals) expect((await apply(rows)).status, JSON.stringify(rows)).toBe(400);

    expect((await apply([])).body.data.changes).toMatchObject([{ action: 'delete', id }]);
    expect((await call('POST', `/revisions/${revision}/rollback`)).status).toBe(200);
    expect(rules()[0].targets).toEqual([{ providerId: openId, upstreamId, model: 'gpt-4o', weight: 1 }]);
  });
});
