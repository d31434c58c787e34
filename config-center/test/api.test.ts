import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RULES_PATH, snapshotShape } from '@ai-gateway/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GATEWAY_TOKEN, startConfigCenter } from './support/config-center.ts';

let center: Awaited<ReturnType<typeof startConfigCenter>>;
let namespaceId: string;

beforeAll(async () => {
  center = await startConfigCenter();
  const { body } = await center.call('POST', '/api/v2/namespaces', { code: 'shop', name: 'Shop' });
  namespaceId = body.data.id;
});
afterAll(() => center.close());

describe('a namespace', () => {
  it('is created with defaults, read, listed, replaced and deleted', async () => {
    const created = await center.call('POST', '/api/v2/namespaces', { code: 'life', name: 'Life cycle' });
    expect(created).toMatchObject({
      status: 201,
      body: { code: 201, data: { code: 'life', isEnabled: true, authMode: 'key' } },
    });
    const path = `/api/v2/namespaces/${created.body.data.id}`;
    const { warnings, ...row } = created.body.data;
    expect(warnings).toMatchObject([{ rule: 'namespace-without-matcher' }]);
    expect((await center.call('GET', path)).body.data).toEqual(row);
    const replaced = await center.call('PUT', path, {
      code: 'life',
      name: 'Renamed',
      isEnabled: false,
      authMode: 'open',
    });
    expect(replaced.body.data).toMatchObject({
      name: 'Renamed',
      isEnabled: false,
      createdAt: created.body.data.createdAt,
    });
    const listed = await center.call('GET', '/api/v2/namespaces?keyword=renam&isEnabled=false');
    expect(listed.body.data).toMatchObject({ total: 1, page: 1, size: 10, pages: 1, items: [{ code: 'life' }] });
    expect((await center.call('DELETE', path)).status).toBe(200);
    expect((await center.call('GET', path)).status).toBe(404);
  });

  it('takes its matchers and policies with it when it goes', async () => {
    const { body } = await center.call('POST', '/api/v2/namespaces', { code: 'gone', name: 'Gone' });
    const id = body.data.id;
    await center.call('POST', '/api/v2/matchers', {
      namespaceId: id,
      source: 'path',
      operator: 'equals',
      value: '/gone',
    });
    await center.call('POST', '/api/v2/policies', {
      namespaceId: id,
      name: 'p',
      rule: { kind: 'qps-limit', maxQps: 1 },
    });
    expect((await center.call('DELETE', `/api/v2/namespaces/${id}`)).status).toBe(200);
    expect((await center.call('GET', `/api/v2/policies?namespaceId=${id}`)).body.data.total).toBe(0);
  });

  it('cannot go while a virtual key names it', async () => {
    const { body } = await center.call('POST', '/api/v2/namespaces', { code: 'used', name: 'Used' });
    await center.call('POST', '/api/v2/virtual-keys', { name: 'phone', namespaceIds: [body.data.id] });
    const refused = await center.call('DELETE', `/api/v2/namespaces/${body.data.id}`);
    expect(refused).toMatchObject({ status: 409, body: { message: expect.stringContaining('virtual key "phone"') } });
  });
});

describe('drafts are refused with every fault and its path', () => {
  it.each([
    ['namespaces', { code: 'Bad Code', name: '' }, 400, ['code', 'name']],
    ['namespaces', { code: 'ok', name: 'x', color: 'red' }, 400, ['color']],
    ['namespaces', { code: 'shop', name: 'again' }, 409, ['code']],
    [
      'matchers',
      { namespaceId: 'nowhere', source: 'header', operator: 'equals', value: 'x' },
      400,
      ['field', 'namespaceId'],
    ],
    ['matchers', { namespaceId: 'NS', source: 'header', field: 'a', operator: 'regex', value: '(' }, 400, ['value']],
    ['policies', { namespaceId: 'NS', name: 'p', rule: { kind: 'qps-limit', maxQps: -1 } }, 400, ['rule.maxQps']],
    ['policies', { namespaceId: 'NS', name: 'p', rule: { kind: 'nonsense' } }, 400, ['rule.kind']],
    ['policies', { namespaceId: 'NS', name: 'p', rule: { kind: 'token-limit' } }, 400, ['rule']],
    [
      'policies',
      {
        namespaceId: 'NS',
        name: 'p',
        rule: {
          kind: 'token-limit',
          windows: [
            { windowSeconds: 60, maxTokens: 1 },
            { windowSeconds: 60, maxTokens: 2 },
          ],
        },
      },
      400,
      ['rule.windows.1'],
    ],
    [
      'policies',
      {
        namespaceId: 'NS',
        name: 'p',
        rule: {
          kind: 'message-matching',
          action: 'deny',
          condition: { source: 'body', field: 'x', operator: 'less_than', value: 'abc' },
        },
      },
      400,
      ['rule.condition.value'],
    ],
    [
      'policies',
      { namespaceId: 'NS', name: 'p', rule: { kind: 'qps-limit', maxQps: 5, windowSecond: 60 } },
      400,
      ['rule.windowSecond'],
    ],
    ['providers', { name: 'p', models: ['a', 'a'] }, 400, ['models.1']],
    ['providers', { name: 'p', models: [], apiKeyEnv: 'DATABASE_URL' }, 400, ['apiKeyEnv']],
    ['upstreams', { providerId: 'nowhere', baseUrl: 'http://user:pw@host' }, 400, ['baseUrl', 'providerId']],
    ['upstreams', { providerId: 'nowhere', baseUrl: 'ftp://host' }, 400, ['baseUrl']],
    ['virtual-keys', { name: 'k', namespaceIds: ['nowhere'] }, 400, ['namespaceIds.0']],
    ['namespaces', '{"code":', 400, []],
    ['namespaces', '[]', 400, ['']],
  ])('%s %j', async (resource, draft, status, paths) => {
    const body =
      typeof draft === 'object' && 'namespaceId' in draft && draft.namespaceId === 'NS'
        ? { ...draft, namespaceId }
        : draft;
    const refused = await center.call('POST', `/api/v2/${resource}`, body);
    expect(refused.status).toBe(status);
    expect(refused.body.data.errors.map(({ path }: { path: string }) => path)).toEqual(paths);
  });

  it('the same condition at the same priority in another namespace is a conflict', async () => {
    const other = await center.call('POST', '/api/v2/namespaces', { code: 'other', name: 'Other' });
    const matcher = { source: 'header', field: 'X-Code', operator: 'equals', value: 'same' };
    expect((await center.call('POST', '/api/v2/matchers', { ...matcher, namespaceId })).status).toBe(201);
    const twin = { ...matcher, field: 'x-code', namespaceId: other.body.data.id };
    expect((await center.call('POST', '/api/v2/matchers', twin)).status).toBe(409);
    expect((await center.call('POST', '/api/v2/matchers', { ...twin, priority: 7 })).status).toBe(201);
  });
});

it('a provider in use is not deleted', async () => {
  const provider = await center.call('POST', '/api/v2/providers', { name: 'acme', models: ['*'] });
  const providerId = provider.body.data.id;
  const upstream = await center.call('POST', '/api/v2/upstreams', { providerId, baseUrl: 'https://acme.example/v1' });
  expect((await center.call('DELETE', `/api/v2/providers/${providerId}`)).status).toBe(409);
  await center.call('DELETE', `/api/v2/upstreams/${upstream.body.data.id}`);
  expect((await center.call('DELETE', `/api/v2/providers/${providerId}`)).status).toBe(200);
});

it('a virtual key shows its secret once and never its hash', async () => {
  const created = await center.call('POST', '/api/v2/virtual-keys', { name: 'once' });
  expect(created.body.data.secret).toMatch(/^vk_[A-Za-z0-9_-]{43}$/);
  const read = await center.call('GET', `/api/v2/virtual-keys/${created.body.data.id}`);
  expect(Object.keys(read.body.data)).not.toContain('secret');
  expect(JSON.stringify((await center.call('GET', '/api/v2/virtual-keys?size=100')).body)).not.toMatch(
    /secretHash|[0-9a-f]{64}/,
  );
});

it('a keyword is text, not a pattern', async () => {
  expect((await center.call('GET', '/api/v2/namespaces?keyword=%25')).body.data.total).toBe(0);
  expect((await center.call('GET', "/api/v2/namespaces?keyword=' or 1=1 --")).body.data.total).toBe(0);
});

it('a wrong token is refused', async () => {
  const wrong = { authorization: 'Bearer wrong' };
  expect((await center.call('GET', '/api/v2/namespaces', undefined, wrong)).status).toBe(401);
  expect((await center.call('GET', RULES_PATH)).status).toBe(401);
});

describe('revisions', () => {
  const rules = (epoch: string, revision: number, waitMs = 0) =>
    fetch(`${center.url}${RULES_PATH}?epoch=${epoch}&revision=${revision}&waitMs=${waitMs}`, {
      headers: { authorization: `Bearer ${GATEWAY_TOKEN}` },
    });

  it('a gateway without rules gets them, and 304 when it has the newest', async () => {
    const snapshot = snapshotShape.parse(await (await rules('', -1)).json());
    expect((await rules(snapshot.epoch, snapshot.revision)).status).toBe(304);
    expect((await rules('other-epoch', snapshot.revision)).status).toBe(200);
    // It has been served by a config center that is ahead of this one.
    expect((await rules(snapshot.epoch, snapshot.revision + 10)).status).toBe(304);
  });

  it('a change wakes the gateways that wait, at once', async () => {
    const { epoch, revision } = center.publisher.current();
    const waiting = Array.from({ length: 20 }, () => rules(epoch, revision, 10_000));
    await new Promise((resolve) => setTimeout(resolve, 100));
    const changedAt = performance.now();
    await center.call('POST', '/api/v2/namespaces', { code: `wake-${revision}`, name: 'Wake' });
    const answers = await Promise.all(waiting);
    expect(performance.now() - changedAt).toBeLessThan(5_000);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  });

  it('nothing new is no new revision', async () => {
    const { body } = await center.call('GET', `/api/v2/namespaces/${namespaceId}`);
    const before = center.publisher.current().revision;
    const { id: _, createdAt: __, updatedAt: ___, ...draft } = body.data;
    await center.call('PUT', `/api/v2/namespaces/${namespaceId}`, draft);
    expect(center.publisher.current().revision).toBe(before);
  });

  it('a refused draft makes no revision', async () => {
    const before = center.publisher.current().revision;
    await center.call('POST', '/api/v2/namespaces', { code: 'shop', name: 'again' });
    expect(center.publisher.current().revision).toBe(before);
  });

  it('survive a restart', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'config-center-'));
    const databaseUrl = `sqlite:${join(folder, 'config.db')}`;
    const first = await startConfigCenter({ databaseUrl });
    await first.call('POST', '/api/v2/namespaces', { code: 'kept', name: 'Kept' });
    const published = first.publisher.current();
    await first.close();
    const second = await startConfigCenter({ databaseUrl });
    expect(second.publisher.current()).toEqual(published);
    await second.close();
    rmSync(folder, { recursive: true });
  });
});

it('sums what gateways report into live rates', async () => {
  const report = (gatewayId: string, requests: number) =>
    center.call(
      'POST',
      '/internal/v1/gateways/report',
      {
        gatewayId,
        instanceId: 'i',
        version: '1',
        epoch: 'e',
        revision: 3,
        namespaces: [
          { namespaceId, requests, refused: 0, failed: 0, inputTokens: requests * 10, outputTokens: 0, inFlight: 2 },
        ],
      },
      { authorization: `Bearer ${GATEWAY_TOKEN}` },
    );
  await report('a', 0);
  await report('b', 0);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await report('a', 10);
  await report('b', 10);
  const { body } = await center.call('GET', '/api/v2/live/namespaces');
  expect(body.data.items).toMatchObject([{ namespaceId, requests: 20, inFlight: 4 }]);
  expect(body.data.items[0].requestsPerSecond).toBeGreaterThan(20);
  expect((await center.call('GET', '/api/v2/gateways')).body.data.items).toMatchObject([
    { gatewayId: 'a', revision: 3, state: 'behind', inFlight: 2 },
    {},
  ]);
});

it('serves its documentation', async () => {
  expect(await (await fetch(`${center.url}/docs`)).text()).toContain('/api/v2/policies');
  expect(await (await fetch(`${center.url}/openapi.json`)).json()).toMatchObject({ openapi: '3.1.0' });
  expect((await fetch(`${center.url}/api/v2/nonsense`)).status).toBe(404);
});
