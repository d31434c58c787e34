import { type Snapshot, snapshotShape } from '@ai-gateway/contracts';
import { openSecret, secretsKeysSetting } from '@ai-gateway/contracts/secrets';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, SECRETS_KEYS, startConfigCenter } from './support/config-center.ts';

const SECRET = 'sk-secret-of-the-provider-0001';
let center: Awaited<ReturnType<typeof startConfigCenter>>;
let providerId: string;
let upstreamId: string;
beforeAll(async () => {
  center = await startConfigCenter();
  providerId = await idOf('/providers', { name: 'acme', models: ['m'] });
  upstreamId = await idOf('/upstreams', { providerId, baseUrl: 'https://api.example.com/v1' });
});
afterAll(() => center.close());

const call = (method: string, path: string, body?: unknown): Promise<Answer> =>
  center.call(method, `/api/v2${path}`, body);
const idOf = async (path: string, body: unknown) => (await call('POST', path, body)).body.data.id as string;
const add = (fields: object = {}) =>
  call('POST', '/provider-keys', { providerId, name: 'main', secret: SECRET, ...fields });
const published = (): Snapshot => snapshotShape.parse(JSON.parse(center.publisher.current().body));

/** What gateways make of a key. */
function opened(id: string, keys = SECRETS_KEYS): string {
  const key = published().providerKeys.find((each) => each.id === id);
  if (key === undefined) throw new Error('not published');
  return openSecret(key.sealed, { purpose: 'provider-key', rowId: id }, secretsKeysSetting.parse(keys));
}

describe('provider keys', () => {
  it('take a secret, show its last characters, and never give it back', async () => {
    const made = await add({ upstreamId, weight: 3 });
    expect(made.status).toBe(201);
    const { id } = made.body.data;
    expect(made.body.data).toMatchObject({ name: 'main', lastFour: '0001', weight: 3, priority: 100, isEnabled: true });
    expect(opened(id)).toBe(SECRET);
    const { version: _, id: __, createdAt: ___, updatedAt: ____, lastFour: _____, ...draft } = made.body.data;
    await call('PUT', `/provider-keys/${id}`, { ...draft, name: 'renamed' });
    expect(opened(id)).toBe(SECRET);
    const answers = await Promise.all(
      ['/provider-keys', `/provider-keys/${id}`, '/audit', '/revisions/2', '/revisions/1/diff/3'].map((path) =>
        call('GET', path),
      ),
    );
    const shown = JSON.stringify([made.body, answers.map(({ body }) => body)]);
    expect(shown).toContain('renamed');
    expect(shown).not.toMatch(/sk-secret|sealed|ciphertext|dataKey/);
    await call('DELETE', `/provider-keys/${id}`);
    expect(published().providerKeys).toEqual([]);
  });

  it('get another secret by rotation, which the audit log tells of', async () => {
    const { id } = (await add()).body.data;
    const rotated = await call('POST', `/provider-keys/${id}/rotate`, { secret: ' sk-another-secret-9999\n' });
    expect(rotated.body.data).toMatchObject({ lastFour: '9999', version: 2 });
    expect(opened(id)).toBe('sk-another-secret-9999');
    const audit = JSON.stringify((await call('GET', `/audit?rowId=${id}`)).body);
    expect(audit).toContain('9999');
    expect(audit).not.toMatch(/sk-another|sealed/);
    await call('DELETE', `/provider-keys/${id}`);
  });

  it('show nothing of a short secret', async () => {
    const { body } = await add({ secret: 'short' });
    expect(body.data.lastFour).toBe('');
    await call('DELETE', `/provider-keys/${body.data.id}`);
  });

  it.each([
    ['secret', { secret: 'sk with spaces' }],
    ['secret', { secret: '' }],
    ['secret', { secret: 'sk-\r\nx-injected: 1' }],
    ['weight', { weight: 0 }],
    ['providerId', { providerId: 'prov_gone' }],
    ['upstreamId', { upstreamId: 'ups_gone' }],
    ['sealed', { sealed: {} }],
  ])('name the field at fault, %s, and repeat no secret', async (path, fields) => {
    const { status, body } = await add(fields);
    expect(status).toBe(400);
    expect(body.data.errors.map((error: { path: string }) => error.path)).toEqual([path]);
    expect(JSON.stringify(body)).not.toMatch(/sk-|sk with/);
  });

  it('have names that are unique at their provider', async () => {
    const { id } = (await add()).body.data;
    expect((await add()).status).toBe(409);
    await call('DELETE', `/provider-keys/${id}`);
  });

  it('keep their upstream, and go with their provider', async () => {
    const provider = await idOf('/providers', { name: 'going', models: [] });
    const upstream = await idOf('/upstreams', { providerId: provider, baseUrl: 'https://api.example.com' });
    const { id } = (await add({ providerId: provider, upstreamId: upstream })).body.data;
    const refused = await call('DELETE', `/upstreams/${upstream}`);
    expect(refused.body.data.users).toEqual([{ kind: 'provider key', id, name: 'main' }]);
    await call('PUT', `/provider-keys/${id}`, { providerId: provider, name: 'main' });
    expect((await call('DELETE', `/upstreams/${upstream}`)).status).toBe(200);
    expect((await call('DELETE', `/providers/${provider}`)).status).toBe(200);
    expect((await call('GET', `/provider-keys/${id}`)).status).toBe(404);
  });

  it('keep the secret of today when rules are rolled back', async () => {
    const { id } = (await add()).body.data;
    const before = center.publisher.current().revision;
    await call('PUT', `/provider-keys/${id}`, { providerId, name: 'main', weight: 9 });
    await call('POST', `/provider-keys/${id}/rotate`, { secret: 'sk-the-secret-of-today' });
    expect((await call('POST', `/revisions/${before}/rollback`)).status).toBe(200);
    expect((await call('GET', `/provider-keys/${id}`)).body.data).toMatchObject({ weight: 1, lastFour: 'oday' });
    expect(opened(id)).toBe('sk-the-secret-of-today');
    await call('DELETE', `/provider-keys/${id}`);
    await call('POST', `/revisions/${before}/rollback`);
    expect(opened(id)).toBe(SECRET);
    await call('DELETE', `/provider-keys/${id}`);
  });

  it('are refused where no master key is set', async () => {
    const other = await startConfigCenter({ secretsKeys: '' });
    const { body } = await other.call('POST', '/api/v2/providers', { name: 'p', models: [] });
    const draft = { providerId: body.data.id, name: 'k', secret: SECRET };
    const refused = await other.call('POST', '/api/v2/provider-keys', draft);
    expect([refused.status, refused.body.message]).toEqual([
      409,
      'Secrets cannot be stored: SECRETS_KEYS of the config center is not set.',
    ]);
    expect((await other.call('POST', '/api/v2/secrets/rotate')).status).toBe(409);
    await other.close();
  });
});

describe('master keys', () => {
  it('are rotated in batches; what is under a missing one stays and is shown', async () => {
    const newer = `newer:${Buffer.alloc(32, 8).toString('base64')}`;
    const old = await startConfigCenter();
    const { body } = await old.call('POST', '/api/v2/providers', { name: 'p', models: [] });
    for (let index = 0; index < 120; index++) {
      const draft = { providerId: body.data.id, name: `k${index}`, secret: `sk-number-${index}` };
      await old.call('POST', '/api/v2/provider-keys', draft);
    }
    const keys = await old.store.all('provider_key');
    const rotating = await startConfigCenter({ secretsKeys: `${newer},${SECRETS_KEYS}` });
    const strange = { ...keys[0], sealed: { ...keys[0]?.sealed, masterKeyId: 'lost' } };
    await rotating.publisher.change(async (resources) => {
      for (const row of await old.store.all('provider')) await resources.insert('provider', row, row.createdAt);
      for (const row of [strange as (typeof keys)[0], ...keys.slice(1)])
        if (row !== undefined) await resources.insert('provider_key', row, row.createdAt);
    });
    await old.close();

    const report = (await rotating.call('GET', '/api/v2/secrets')).body.data.masterKeys;
    expect(report).toEqual([
      { id: 'newer', state: 'current', secrets: 0 },
      { id: 'test', state: 'known', secrets: 119 },
      { id: 'lost', state: 'missing', secrets: 1 },
    ]);
    const before = rotating.publisher.current().revision;
    const { data } = (await rotating.call('POST', '/api/v2/secrets/rotate')).body;
    expect(data).toEqual({
      rewrapped: 119,
      masterKeys: [
        { id: 'newer', state: 'current', secrets: 119 },
        { id: 'test', state: 'known', secrets: 0 },
        { id: 'lost', state: 'missing', secrets: 1 },
      ],
    });
    expect(rotating.publisher.current().revision).toBe(before + 2);
    const masterKeys = secretsKeysSetting.parse(newer);
    for (const { id, name, sealed } of await rotating.store.all('provider_key')) {
      if (sealed.masterKeyId === 'lost') continue;
      const secret = openSecret(sealed, { purpose: 'provider-key', rowId: id }, masterKeys);
      expect(secret).toBe(`sk-number-${name.slice(1)}`);
    }
    expect((await rotating.call('POST', '/api/v2/secrets/rotate')).body.data.rewrapped).toBe(0);
    await rotating.close();
  }, 30_000);
});

describe('virtual keys', () => {
  it('are kept as an HMAC alone, and a replacement leaves it as it is', async () => {
    const { data } = (await call('POST', '/virtual-keys', { name: 'v' })).body;
    const [row] = await center.store.all('virtual_key');
    const { createHash, createHmac } = await import('node:crypto');
    expect(row?.secretHash).toBe(createHmac('sha256', 'pepper').update(data.secret).digest('hex'));
    expect(row?.secretHash).not.toBe(createHash('sha256').update(data.secret).digest('hex'));
    expect(JSON.stringify(row)).not.toContain(data.secret.slice(10));
    const { body } = await call('PUT', `/virtual-keys/${data.id}`, { name: 'w' });
    expect(body.data).toMatchObject({ name: 'w', prefix: data.prefix });
    expect((await center.store.read('virtual_key', data.id))?.secretHash).toBe(row?.secretHash);
  });
});
