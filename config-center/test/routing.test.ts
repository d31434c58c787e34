import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startConfigCenter } from './support/config-center.ts';

let nowMs = Date.parse('2026-01-01T00:00:00Z');
let center: Awaited<ReturnType<typeof startConfigCenter>>;
let namespaceId: string;
let providerId: string;
let upstreamId: string;
beforeAll(async () => {
  center = await startConfigCenter({ nowMs: () => nowMs });
  namespaceId = await made('/namespaces', { code: 'shop', name: 'Shop' });
  providerId = await made('/providers', { name: 'acme', models: ['m'] });
  upstreamId = await made('/upstreams', { providerId, baseUrl: 'https://a.example.com' });
});
afterAll(() => center.close());

const call = (method: string, path: string, body?: unknown) => center.call(method, `/api/v2${path}`, body);
const rules = () => JSON.parse(center.publisher.current().body);

async function made(path: string, body: object): Promise<string> {
  const answer = await call('POST', path, body);
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body.data.id;
}

/** Status of a refusal and the first field at fault. */
async function fault(method: string, path: string, body?: unknown) {
  const answer = await call(method, path, body);
  return [answer.status, answer.body.data.errors?.[0]?.path];
}

describe('models and redirects', () => {
  it('are kept, published, and named once', async () => {
    const model = { providerId, name: 'chat', upstreamName: 'ep-1', aliases: ['talk'], maxOutputTokens: 100 };
    const id = await made('/models', { ...model, capabilities: ['tools'] });
    expect(rules().models).toEqual([{ ...model, id, capabilities: ['tools'], isEnabled: true }]);
    expect((await call('GET', `/models?providerId=${providerId}&keyword=talk`)).body.data.total).toBe(1);
    expect(await fault('POST', '/models', { providerId, name: 'talk' })).toEqual([409, 'name']);
    expect(await fault('POST', '/models', { providerId, name: 'x', aliases: ['chat'] })).toEqual([409, 'aliases']);
    expect(await fault('POST', '/models', { providerId, name: 'x', aliases: ['x'] })).toEqual([400, 'aliases.0']);
    expect(await fault('POST', '/models', { providerId: 'prov_x', name: 'x' })).toEqual([400, 'providerId']);
    const tooLong = { providerId, name: 'x', contextTokens: 10, maxOutputTokens: 11 };
    expect(await fault('POST', '/models', tooLong)).toEqual([400, 'maxOutputTokens']);
  });

  it('that would never end are refused, in every namespace that they concern', async () => {
    await made('/redirects', { model: 'a', target: 'b' });
    await made('/redirects', { namespaceId, model: 'b', target: 'c' });
    expect(await fault('POST', '/redirects', { model: 'c', target: 'a' })).toEqual([400, 'target']);
    expect(await fault('POST', '/redirects', { model: 'b', target: 'a' })).toEqual([400, 'target']);
    expect(await fault('POST', '/redirects', { model: 'x', target: 'x' })).toEqual([400, 'target']);
    expect(await fault('POST', '/redirects', { model: 'x', target: 'y-*' })).toEqual([400, 'target']);
    expect(await fault('POST', '/redirects', { model: 'a', target: 'z' })).toEqual([409, 'model']);
    expect(await fault('POST', '/redirects', { model: 'x', target: 'a b' })).toEqual([400, 'target']);
    await made('/redirects', { model: 'gpt-*', target: 'acme/gpt-*' });
  });
});

describe('locations', () => {
  it('are tested with a draft, before and after they are saved', async () => {
    const draft = { path: '/qwen*', rewriteTo: '/v1/chat/*', upstreamId, addHeaders: { 'x-team': 'a' } };
    const test = async (body: object) => (await call('POST', '/locations/test', body)).body.data;
    expect(await test({ path: '/qwen/stream' })).toEqual({ path: '/qwen/stream', addHeaders: {} });
    expect(await test({ path: '/qwen/stream', draft })).toMatchObject({ path: '/v1/chat/stream', upstreamId });
    const id = await made('/locations', draft);
    expect(await test({ path: '/qwen/stream' })).toMatchObject({ path: '/v1/chat/stream', locationId: id });
    expect(await test({ path: '/qwen/x', draft: { ...draft, id, rewriteTo: '/v2/*' } })).toMatchObject({
      path: '/v2/x',
    });
    expect(await fault('POST', '/locations/test', { path: '/', draft: { path: '/x' } })).toEqual([
      400,
      'draft.rewriteTo',
    ]);
  });

  it('are refused when they could not act, or name what does not fit together', async () => {
    const other = await made('/providers', { name: 'other', models: [] });
    expect(await fault('POST', '/locations', { path: '/y' })).toEqual([400, 'rewriteTo']);
    expect(await fault('POST', '/locations', { path: '/y', providerId: other, upstreamId })).toEqual([
      400,
      'upstreamId',
    ]);
    expect(await fault('POST', '/locations', { path: '/y', upstreamId: 'ups_x' })).toEqual([400, 'upstreamId']);
    expect((await fault('POST', '/locations', { path: '/y', onUnsupported: 'shrug' }))[0]).toBe(400);
    await made('/locations', { path: '/strict', onUnsupported: 'refuse' });
    const twin = { path: '/qwen*', rewriteTo: '/x' };
    expect(await fault('POST', '/locations', twin)).toEqual([409, 'path']);
    const secret = { path: '/y', addHeaders: { authorization: 'x' } };
    expect((await fault('POST', '/locations', secret))[0]).toBe(400);
  });

  it('and defaults of namespaces keep their targets from being deleted', async () => {
    const draft = { code: 'shop', name: 'Shop', defaultProviderId: providerId, defaultUpstreamId: upstreamId };
    expect((await call('PUT', `/namespaces/${namespaceId}`, draft)).status).toBe(200);
    const refused = await call('DELETE', `/upstreams/${upstreamId}`);
    expect(refused.body.data.users.map(({ kind }: { kind: string }) => kind)).toEqual(['location', 'namespace']);
    expect(await fault('PUT', `/namespaces/${namespaceId}`, { ...draft, defaultProviderId: 'prov_x' })).toEqual([
      400,
      'defaultProviderId',
    ]);
  });
});

describe('users', () => {
  let id: string;
  beforeAll(async () => {
    id = await made('/users', { name: 'Ada', email: 'ada@example.com' });
  });
  const to = async (status: string, reason?: string) =>
    (await call('POST', `/users/${id}/status`, { status, reason })).status;

  it('begin pending and change only as the states allow; the same state again is nothing', async () => {
    expect((await call('GET', `/users/${id}`)).body.data.status).toBe('pending');
    expect(await fault('POST', '/users', { name: 'x', status: 'active' })).toEqual([400, 'status']);
    expect(await to('overdue')).toBe(409);
    expect(await to('active', 'first top-up')).toBe(200);
    const { revision } = center.publisher.current();
    expect(await to('active', 'again')).toBe(200);
    expect(center.publisher.current().revision).toBe(revision);
    expect(await to('overdue')).toBe(200);
    expect(await to('free_period')).toBe(409);
    expect(await to('blacklisted', 'abuse')).toBe(200);
    expect(await to('overdue')).toBe(409);
    expect(await to('active')).toBe(200);
    const { items } = (await call('GET', `/audit?kind=end_user&rowId=${id}&action=update`)).body.data;
    const changes = items.map((entry: { before: { status: string }; after: { status: string } }) => [
      entry.before.status,
      entry.after.status,
    ]);
    expect(changes.toReversed().join(' ')).toBe('pending,active active,overdue overdue,blacklisted blacklisted,active');
    expect(items[1].after).toMatchObject({ statusReason: 'abuse' });
  });

  it('keep their status when they are edited, and two at a time end in one of the states', async () => {
    const edited = await call('PUT', `/users/${id}`, { name: 'Ada L.' });
    expect(edited.body.data).toMatchObject({ name: 'Ada L.', status: 'active' });
    const ends = await Promise.all(['overdue', 'canceled', 'overdue', 'canceled'].map((status) => to(status)));
    expect(ends.filter((status) => status === 200).length).toBeGreaterThanOrEqual(2);
    expect((await call('GET', `/users/${id}`)).body.data.status).toBe('canceled');
    expect(await to('active')).toBe(409);
  });

  it('own virtual keys, which their tenant pays for', async () => {
    const [tenantId, otherTenantId] = [await made('/tenants', { name: 'T1' }), await made('/tenants', { name: 'T2' })];
    const userId = await made('/users', { name: 'Bob', email: 'bob@example.com', tenantId });
    const key = await made('/virtual-keys', { name: 'k', userId, tenantId });
    expect(await fault('POST', '/virtual-keys', { name: 'k', userId, tenantId: otherTenantId })).toEqual([
      400,
      'tenantId',
    ]);
    expect(await fault('POST', '/virtual-keys', { name: 'k', userId: 'user_x' })).toEqual([400, 'userId']);
    expect(await fault('POST', '/users', { name: 'x', email: 'no' })).toEqual([400, 'email']);
    expect(await fault('POST', '/users', { name: 'x', email: 'bob@example.com' })).toEqual([409, 'email']);
    expect((await call('DELETE', `/users/${userId}`)).body.data.users).toEqual([
      { kind: 'virtual key', id: key, name: 'k' },
    ]);
    expect((await call('DELETE', `/tenants/${tenantId}`)).status).toBe(409);
  });
});

describe('a virtual key', () => {
  it('is rotated: a new secret at once, the old one for as long as was said, nothing of them readable', async () => {
    const created = await call('POST', '/virtual-keys', { name: 'rotate', allowedModels: ['gpt-*'] });
    const { id, secret } = created.body.data;
    const before = rules().virtualKeys.find((key: { id: string }) => key.id === id);
    const rotated = await call('POST', `/virtual-keys/${id}/rotate`, { graceSeconds: 60 });
    expect(rotated.body.data).toMatchObject({
      id,
      allowedModels: ['gpt-*'],
      statusReason: 'security_rotation',
      previousUntil: '2026-01-01T00:01:00.000Z',
    });
    expect(rotated.body.data.secret).not.toBe(secret);
    expect(JSON.stringify(rotated.body)).not.toMatch(/secretHash/i);
    const after = rules().virtualKeys.find((key: { id: string }) => key.id === id);
    expect(after.previousSecretHash).toBe(before.secretHash);
    expect(after.secretHash).not.toBe(before.secretHash);

    await call('PUT', `/virtual-keys/${id}`, { name: 'renamed' });
    expect(rules().virtualKeys.find((key: { id: string }) => key.id === id)).toMatchObject({
      name: 'renamed',
      secretHash: after.secretHash,
      previousSecretHash: before.secretHash,
    });
    const again = await call('POST', `/virtual-keys/${id}/rotate`, {});
    expect(again.body.data.previousUntil).toBeUndefined();
    const audit = await call('GET', `/audit?rowId=${id}`);
    expect(JSON.stringify(audit.body)).not.toMatch(/[0-9a-f]{64}/);
    const listed = await call('GET', '/virtual-keys');
    expect(JSON.stringify(listed.body)).not.toMatch(/[0-9a-f]{64}/);
  });

  it('is switched off and on with a reason, once', async () => {
    const id = await made('/virtual-keys', { name: 'switch' });
    const off = await call('POST', `/virtual-keys/${id}/deactivate`, { reason: 'leaked' });
    expect(off.body.data).toMatchObject({ isEnabled: false, statusReason: 'leaked', version: 2 });
    const again = await call('POST', `/virtual-keys/${id}/deactivate`, { reason: 'other' });
    expect(again.body.data).toMatchObject({ statusReason: 'leaked', version: 2 });
    const on = await call('POST', `/virtual-keys/${id}/activate`, {});
    expect(on.body.data).toMatchObject({ isEnabled: true, version: 3 });
    expect(on.body.data.statusReason).toBeUndefined();
  });

  it('keeps its new secret, and a user the status, when older rules come back', async () => {
    const userId = await made('/users', { name: 'Carol' });
    const id = await made('/virtual-keys', { name: 'kept', userId });
    const { revision } = center.publisher.current();
    await call('POST', `/virtual-keys/${id}/rotate`, {});
    await call('POST', `/users/${userId}/status`, { status: 'blacklisted' });
    await call('PUT', `/users/${userId}`, { name: 'Changed' });
    const rotated = rules().virtualKeys.find((key: { id: string }) => key.id === id);
    nowMs += 1_000;
    expect((await call('POST', `/revisions/${revision}/rollback`)).status).toBe(200);
    expect(rules().virtualKeys.find((key: { id: string }) => key.id === id).secretHash).toBe(rotated.secretHash);
    expect(rules().users.find((user: { id: string }) => user.id === userId)).toMatchObject({
      name: 'Carol',
      status: 'blacklisted',
    });
  });
});

describe('the paths of the designs', () => {
  it.each([
    ['/api/namespaces', '/namespaces'],
    ['/api/policies', '/policies'],
    ['/api/upstreams', '/upstreams'],
    ['/api/locations', '/locations'],
    ['/api/users', '/users'],
    ['/providers', '/providers'],
    ['/admin/tokens', '/virtual-keys'],
    ['/admin/model-prices', '/prices'],
  ])('%s is %s', async (alias, path) => {
    const { data } = (await center.call('GET', `${alias}?size=50`)).body;
    expect(data).toEqual((await call('GET', `${path}?size=50`)).body.data);
    const [first] = data.items;
    if (first !== undefined) expect((await center.call('GET', `${alias}/${first.id}`)).body.data).toEqual(first);
    const stranger = await center.call('GET', alias, undefined, { authorization: 'Bearer wrong' });
    expect(stranger.status).toBe(401);
  });

  it('carry what is in them', async () => {
    const userId = await made('/users', { name: 'Dan' });
    const created = await center.call('POST', `/api/users/${userId}/virtual-keys`, { name: 'of Dan' });
    expect(created.body.data).toMatchObject({ userId, name: 'of Dan' });
    const keys = await center.call('GET', `/api/users/${userId}/virtual-keys`);
    expect(keys.body.data).toMatchObject({ total: 1, items: [{ id: created.body.data.id }] });
    const models = await center.call('GET', `/models/${providerId}`);
    expect(models.body.data).toMatchObject({ total: 1, items: [{ name: 'chat' }] });
    expect((await center.call('GET', '/api/nothing')).status).toBe(404);
  });
});
