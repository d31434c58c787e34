import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { LimitsReport } from '@ai-gateway/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GATEWAY_TOKEN, startConfigCenter } from './support/config-center.ts';

let center: Awaited<ReturnType<typeof startConfigCenter>>;
beforeAll(async () => {
  center = await startConfigCenter();
});
afterAll(() => center.close());

async function create(resource: string, draft: object): Promise<string> {
  const { status, body } = await center.call('POST', `/api/v2/${resource}`, draft);
  if (status !== 201) throw new Error(`${resource}: ${JSON.stringify(body)}`);
  return body.data.id;
}

describe('payers, prices and layered limits', () => {
  let typeId: string;
  let tenantId: string;
  let providerId: string;
  beforeAll(async () => {
    typeId = await create('customer-types', { name: 'business' });
    tenantId = await create('tenants', { name: 'tesla', customerTypeId: typeId });
    providerId = await create('providers', { name: 'openai', models: ['gpt-4'] });
  });

  it('reach the gateways', async () => {
    await create('prices', { providerId, model: 'gpt-4', inputPerMillion: '30', outputPerMillion: '60.5' });
    await create('layered-limits', { targetType: 'global', limit: { control: 'tpm', maxTokens: 10_000 } });
    await create('layered-limits', {
      targetType: 'tenant',
      targetId: tenantId,
      providerId,
      model: 'gpt-4',
      limit: { control: 'tpm', maxTokens: 80_000, windowSeconds: 60 },
    });
    const rules = JSON.parse(center.publisher.current().body);
    expect(rules.tenants).toEqual([{ id: tenantId, name: 'tesla', customerTypeId: typeId }]);
    expect(rules.prices[0]).toMatchObject({ model: 'gpt-4', outputPerMillion: '60.5' });
    expect(rules.layeredLimits).toHaveLength(2);
    expect(rules.layeredLimits.map(({ limit }: { limit: object }) => limit)).toContainEqual({
      control: 'tpm',
      maxTokens: 10_000,
      windowSeconds: 60,
    });
  });

  it.each([
    [{ targetType: 'global', targetId: 'TENANT', limit: { control: 'tpm', maxTokens: 1 } }, 400, ['targetId']],
    [{ targetType: 'tenant', limit: { control: 'tpm', maxTokens: 1 } }, 400, ['targetId']],
    [{ targetType: 'tenant', targetId: 'nobody', limit: { control: 'tpm', maxTokens: 1 } }, 400, ['targetId']],
    [
      {
        targetType: 'customer_type',
        targetId: 'TYPE',
        providerId: 'PROVIDER',
        limit: { control: 'rpm', maxRequests: 1 },
      },
      400,
      ['providerId'],
    ],
    [
      { targetType: 'tenant', targetId: 'TENANT', model: 'gpt-4', limit: { control: 'tpm', maxTokens: 1 } },
      400,
      ['model'],
    ],
    [
      {
        targetType: 'tenant',
        targetId: 'TENANT',
        providerId: 'PROVIDER',
        model: 'gpt-4',
        limit: { control: 'rpm', maxRequests: 1 },
      },
      400,
      ['model'],
    ],
    [
      {
        targetType: 'tenant',
        targetId: 'TENANT',
        providerId: 'PROVIDER',
        limit: { control: 'hard_limit', amount: '1' },
      },
      400,
      ['providerId'],
    ],
    [{ targetType: 'global', limit: { control: 'tpm', maxTokens: -1 } }, 400, ['limit.maxTokens']],
    [{ targetType: 'global', limit: { control: 'soft_limit', amount: '1e3' } }, 400, ['limit.amount']],
    [{ targetType: 'global', limit: { control: 'tpm', maxTokens: 1, window: 5 } }, 400, ['limit.window']],
    [{ targetType: 'global', limit: { control: 'tpm', maxTokens: 5 } }, 409, ['limit.control']],
  ])('a layered limit %j is refused', async (draft, status, paths) => {
    const named = JSON.parse(
      JSON.stringify(draft).replace('TENANT', tenantId).replace('TYPE', typeId).replace('PROVIDER', providerId),
    );
    const refused = await center.call('POST', '/api/v2/layered-limits', named);
    expect(refused.status).toBe(status);
    expect(refused.body.data.errors.map(({ path }: { path: string }) => path)).toEqual(paths);
  });

  it('cannot go while something names them', async () => {
    await create('virtual-keys', { name: 'phone', tenantId });
    await create('policies', {
      name: 'of business',
      scope: { customerTypeId: typeId },
      rule: { kind: 'qps-limit', maxQps: 1 },
    });
    const tenant = await center.call('DELETE', `/api/v2/tenants/${tenantId}`);
    expect(tenant).toMatchObject({ status: 409, body: { message: expect.stringContaining('virtual key "phone"') } });
    const type = await center.call('DELETE', `/api/v2/customer-types/${typeId}`);
    expect(type).toMatchObject({
      status: 409,
      body: { message: expect.stringMatching(/tenant "tesla".*policy "of business"/) },
    });
    expect((await center.call('DELETE', `/api/v2/providers/${providerId}`)).status).toBe(409);
  });
});

it.each([
  [{ scope: { tenantId: 'nobody' } }, ['scope.tenantId']],
  [{ scope: { tenant: 'x' } }, ['scope.tenant']],
  [{ countPer: ['model', 'model'] }, ['countPer.1']],
  [{ countPer: ['weekday'] }, ['countPer.0']],
  [{ rule: { kind: 'request-limit', windows: [] } }, ['rule.windows']],
  [
    {
      rule: {
        kind: 'budget-limit',
        windows: [
          { windowSeconds: 60, maxAmount: '1' },
          { windowSeconds: 60, maxAmount: '2' },
        ],
      },
    },
    ['rule.windows.1'],
  ],
  [{ rule: { kind: 'budget-limit', windows: [{ windowSeconds: 60, maxAmount: '-1' }] } }, ['rule.windows.0.maxAmount']],
  [{ onLimiterDown: 'maybe' }, ['onLimiterDown']],
  // An instant that far away is no safe integer, and stopped the script in the middle.
  [{ rule: { kind: 'qps-limit', maxQps: 1e-16 } }, ['rule.maxQps']],
  [{ rule: { kind: 'qps-limit', maxQps: 0.001, burst: 1_000_000 } }, ['rule.burst']],
])('a policy with %j is refused', async (fields, paths) => {
  const draft = { name: 'p', rule: { kind: 'qps-limit', maxQps: 1 }, ...fields };
  const refused = await center.call('POST', '/api/v2/policies', draft);
  expect(refused.status).toBe(400);
  expect(refused.body.data.errors.map(({ path }: { path: string }) => path)).toEqual(paths);
});

describe('GET /api/v2/limits', () => {
  const servers: Server[] = [];
  afterAll(() => {
    for (const server of servers) server.close();
  });

  /** Something that reports as a gateway and answers the question for its limits. */
  async function gateway(id: string, answer: () => { status: number; body: unknown }): Promise<void> {
    const server = createServer((request, response) => {
      const isAsked = request.headers.authorization === `Bearer ${GATEWAY_TOKEN}`;
      const { status, body } = isAsked ? answer() : { status: 401, body: {} };
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const report = {
      gatewayId: id,
      instanceId: id,
      version: '0',
      port: (server.address() as AddressInfo).port,
      epoch: '',
      revision: 1,
      namespaces: [],
    };
    const { status } = await center.call('POST', '/internal/v1/gateways/report', report, {
      authorization: `Bearer ${GATEWAY_TOKEN}`,
    });
    expect(status).toBe(200);
  }
  const report = (store: LimitsReport['store']): LimitsReport => ({
    store,
    limits: [],
    inFlight: [],
    inFlightTotal: 3,
    waiting: 0,
  });

  it('asks every gateway that counts alone, names the silent, and finds a namespace by id or code', async () => {
    const id = await create('namespaces', { code: 'asked', name: 'Asked' });
    await gateway('alone-1', () => ({ status: 200, body: report('process') }));
    await gateway('alone-2', () => ({ status: 200, body: report('degraded') }));
    await gateway('silent', () => ({ status: 500, body: {} }));
    await gateway('behind', () => ({ status: 404, body: {} }));
    for (const name of [id, 'asked']) {
      const { body } = await center.call('GET', `/api/v2/limits?namespace=${name}`);
      expect(body.data.reports.map(({ gatewayId }: { gatewayId: string }) => gatewayId)).toEqual([
        'alone-1',
        'alone-2',
      ]);
      expect(body.data.missing).toEqual(['silent']);
    }
    expect((await center.call('GET', '/api/v2/limits?namespace=nowhere')).status).toBe(404);
    expect((await center.call('GET', '/api/v2/limits')).status).toBe(400);
  });
});
