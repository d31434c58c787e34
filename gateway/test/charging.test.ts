import { createHmac } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { requestLogRecordOf } from '../src/adapters/request-log-record.ts';
import { ask, KEY_PEPPER, plainAnswer, rulesWith, startGateway, startUpstream } from './support/test-gateway.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const key = (id: string, more: object = {}) => ({
  id,
  name: id,
  prefix: `vk_${id}`,
  secretHash: createHmac('sha256', KEY_PEPPER).update(`vk_${id}`).digest('hex'),
  ...more,
});
const priced = (id: string, more: object = {}) => ({
  id,
  providerId: 'p1',
  model: '*',
  inputPerMillion: '10',
  outputPerMillion: '20',
  ...more,
});
const ofTenant = (more: object = {}) => ({ id: 'of-t1', tenantId: 't1', standing: 'good', ...more });

const RULES = {
  customerTypes: [{ id: 'gold', name: 'gold' }],
  tenants: [
    { id: 't1', name: 'T1', customerTypeId: 'gold' },
    { id: 't2', name: 'T2' },
  ],
  users: [
    { id: 'u1', name: 'U1', status: 'active' },
    { id: 'u2', name: 'U2', status: 'active', tenantId: 't1' },
    { id: 'u3', name: 'U3', status: 'free_period' },
  ],
  virtualKeys: [
    key('tenant', { tenantId: 't1' }),
    key('user', { userId: 'u1' }),
    key('member', { userId: 'u2' }),
    key('free', { userId: 'u3' }),
    key('unbilled', { tenantId: 't2' }),
    key('nobody'),
  ],
  prices: [priced('cost')],
  rates: [priced('retail', { customerTypeId: 'gold', inputPerMillion: '15' })],
  accounts: [
    ofTenant(),
    { id: 'of-u1', userId: 'u1', standing: 'good' },
    { id: 'of-u2', userId: 'u2', standing: 'exhausted' },
    { id: 'of-u3', userId: 'u3', standing: 'exhausted' },
  ],
};

async function setUp(rules: Record<string, unknown> = {}) {
  const upstreams = [await startUpstream(plainAnswer('ok')), await startUpstream(plainAnswer('ok'))];
  const [first, second] = upstreams;
  const gateway = await startGateway(
    rulesWith([first?.url ?? ''], {
      ...RULES,
      providers: [
        { id: 'p1', name: 'acme', models: ['m', 'gpt-*'] },
        { id: 'p2', name: 'other', models: ['n'] },
      ],
      upstreams: upstreams.map(({ url }, index) => ({ id: `u${index}`, providerId: `p${index + 1}`, baseUrl: url })),
      ...rules,
    }),
  );
  closers.push(...upstreams.map(({ close }) => close), gateway.close);
  const headersOf = (id: string) => ({ 'x-channel-code': 'closed', authorization: `Bearer vk_${id}` });
  const send = async (id: string, body: object = ask()) => {
    const answer = await gateway.chat(body, headersOf(id));
    return { answer, body: (await answer.json()) as { error?: { code: string; type: string; message: string } } };
  };
  /** What the log is told of the last request. */
  const lastRecord = () => {
    const record = gateway.records.at(-1);
    if (record === undefined) throw new Error('there was no request');
    return requestLogRecordOf(record, { recordId: 'r', gatewayId: 'g' });
  };
  return { gateway, first, second, headersOf, send, lastRecord };
}

describe('who pays', () => {
  it.each([
    ['tenant', 'of-t1', 'retail'],
    ['member', 'of-t1', 'retail'],
    ['user', 'of-u1', 'cost'],
    ['free', undefined, undefined],
    ['unbilled', undefined, undefined],
    ['nobody', undefined, undefined],
  ])('for the key "%s": %s, at the price "%s"', async (id, accountId, priceId) => {
    const { send, lastRecord } = await setUp();
    expect((await send(id)).answer.status).toBe(200);
    expect([lastRecord().charge?.accountId, lastRecord().charge?.priceId]).toEqual([accountId, priceId]);
  });

  it('is told with the price of the moment, which a later change does not touch', async () => {
    const { gateway, send, lastRecord } = await setUp();
    await send('tenant');
    const { charge, inputTokens, outputTokens } = lastRecord();
    gateway.setRules(rulesWith([], RULES));
    expect({ charge, inputTokens, outputTokens }).toEqual({
      charge: { accountId: 'of-t1', priceId: 'retail', inputPerMillion: '15', outputPerMillion: '20' },
      inputTokens: 5,
      outputTokens: 2,
    });
  });

  it('pays for the model that answers, where a fallback stands in', async () => {
    const { first, send, lastRecord } = await setUp({
      fallbacks: [{ id: 'f', model: 'm', targets: [{ providerId: 'p2', model: 'n' }] }],
      prices: [priced('cost'), priced('cost of n', { providerId: 'p2', model: 'n' })],
    });
    first?.play((_request, response) => {
      response.statusCode = 500;
      response.end();
    });
    expect((await send('tenant')).answer.status).toBe(200);
    expect(lastRecord()).toMatchObject({ resolvedModel: 'n', charge: { priceId: 'cost of n' } });
  });

  it('pays nothing for a request that is refused or fails before it used anything', async () => {
    const { first, send, lastRecord } = await setUp();
    first?.play((_request, response) => {
      response.statusCode = 400;
      response.end('{}');
    });
    expect((await send('tenant')).answer.status).toBe(400);
    expect(lastRecord()).not.toHaveProperty('charge');
  });

  it('is refused a model that has no price, and a fallback without one is left out; who is not billed is served', async () => {
    const fallbacks = [{ id: 'f', model: 'm', targets: [{ providerId: 'p2', model: 'n' }] }];
    const { first, second, send } = await setUp({ fallbacks });
    const unpriced = await send('tenant', ask({ model: 'n' }));
    expect([unpriced.answer.status, unpriced.body.error?.code]).toEqual([503, 'price_not_set']);
    expect((await send('unbilled', ask({ model: 'n' }))).answer.status).toBe(200);
    expect(second?.seen).toHaveLength(1);
    first?.play((_request, response) => {
      response.statusCode = 500;
      response.end();
    });
    expect((await send('tenant')).answer.status).toBe(502);
    expect(second?.seen).toHaveLength(1);
  });
});

describe('the gate', () => {
  it.each([
    [{ standing: 'exhausted' }, 'The account of this virtual key has no balance left.'],
    [{ status: 'frozen' }, 'The account of this virtual key is frozen.'],
  ])('refuses %j with 402, in the shape of either client, and asks nobody', async (more, message) => {
    const { gateway, first, headersOf, send } = await setUp({ accounts: [ofTenant(more)] });
    const { answer, body } = await send('tenant');
    expect([answer.status, body.error]).toMatchObject([
      402,
      { code: 'insufficient_balance', type: 'insufficient_quota', message },
    ]);
    const messages = await fetch(`${gateway.url}/v1/messages`, {
      method: 'POST',
      headers: { ...headersOf('tenant'), 'content-type': 'application/json' },
      body: JSON.stringify({ ...ask(), max_tokens: 5 }),
    });
    expect([messages.status, await messages.json()]).toMatchObject([
      402,
      { type: 'error', error: { type: 'billing_error', code: 'insufficient_balance', message } },
    ]);
    const audio = await fetch(`${gateway.url}/v1/audio/speech`, { method: 'POST', headers: headersOf('tenant') });
    expect(audio.status).toBe(402);
    const models = await fetch(`${gateway.url}/v1/models`, { headers: headersOf('tenant') });
    expect(models.status).toBe(200);
    expect(first?.seen).toEqual([]);
  });

  it('warns at the soft limit, and says nothing above it', async () => {
    const { gateway, send } = await setUp({ accounts: [ofTenant({ standing: 'low' })] });
    const { answer } = await send('tenant');
    expect([answer.status, answer.headers.get('x-balance-warning')]).toEqual([200, 'soft']);
    expect((await send('unbilled')).answer.headers.get('x-balance-warning')).toBeNull();
    expect(gateway.records).toHaveLength(2);
  });

  it('is explained', async () => {
    const { gateway } = await setUp({ accounts: [ofTenant({ standing: 'exhausted' })] });
    const response = await fetch(`${gateway.url}/internal/v1/explain`, {
      method: 'POST',
      headers: { authorization: 'Bearer test-token', 'content-type': 'application/json' },
      body: JSON.stringify({
        request: { headers: { 'x-channel-code': 'closed' }, body: ask(), virtualKeyId: 'tenant' },
      }),
    });
    expect(await response.json()).toMatchObject({
      caller: { account: { id: 'of-t1', status: 'active', standing: 'exhausted' } },
      decision: { kind: 'refused', stage: 'planLimits', code: 'insufficient_balance', status: 402 },
    });
  });
});
