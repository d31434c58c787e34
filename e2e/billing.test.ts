import OpenAI, { APIError } from 'openai';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Stack, startStack } from './support/stack.ts';

let stack: Stack;
let client: OpenAI;
let accountId: string;
let userId: string;

beforeAll(async () => {
  stack = await startStack();
  const { items } = await stack.admin<{ items: { id: string; name: string }[] }>('GET', '/providers');
  const providerId = items.find(({ name }) => name === 'mock')?.id;
  const price = { providerId, model: 'Qwen3*', inputPerMillion: '0', outputPerMillion: '100000' };
  await stack.admin('POST', '/prices', price);
  const { id: customerTypeId } = await stack.admin('POST', '/customer-types', { name: 'retail' });
  await stack.admin('POST', '/rates', { ...price, customerTypeId, outputPerMillion: '1000000' });
  ({ id: userId } = await stack.admin('POST', '/users', { name: 'Ada', customerTypeId }));
  ({ id: accountId } = await stack.admin('POST', '/accounts', { userId, softLimit: '4' }));
  const { secret } = await stack.admin<{ secret: string }>('POST', '/virtual-keys', { name: 'Ada', userId });
  await stack.channel('shop', [], { authMode: 'key' });
  client = new OpenAI({
    apiKey: secret,
    baseURL: `${stack.gateway.url}/v1`,
    defaultHeaders: { 'X-Channel-Code': 'shop' },
    maxRetries: 0,
  });
});
afterAll(() => stack.close());

/** Asks for an answer of six tokens, one unit of money each; the balance warning, or the refusal. */
async function ask() {
  try {
    const { data, response } = await client.chat.completions
      .create({ model: 'Qwen3-8B', max_tokens: 6, messages: [{ role: 'user', content: '[mock words=50]' }] })
      .withResponse();
    return { tokens: data.usage?.completion_tokens, warning: response.headers.get('x-balance-warning') };
  } catch (error) {
    if (!(error instanceof APIError)) throw error;
    return { status: error.status, code: error.code };
  }
}

let booked = 0;
const topUp = async (amount: string) => {
  await stack.admin('POST', `/accounts/${accountId}/entries`, {
    kind: 'top_up',
    amount,
    idempotencyKey: `order ${++booked}`,
  });
  await stack.live();
};
const userStatus = async () => (await stack.admin<{ status: string }>('GET', `/users/${userId}`)).status;
/** Waits for a charge, and until gateways know where the account stands with it. */
const balanceBecomes = async (balance: string, standing: string) => {
  const read = () => stack.admin<object>('GET', `/accounts/${accountId}`);
  await expect.poll(read, { timeout: 40_000 }).toMatchObject({ balance, standing });
  await stack.live();
};

it('serves a user from its first money on, warns it, refuses it with 402 when the money is gone, and serves it again', async () => {
  expect(await ask()).toEqual({ status: 403, code: 'user_not_active' });
  await topUp('10');
  expect(await userStatus()).toBe('active');

  expect(await ask()).toEqual({ tokens: 6, warning: null });
  await balanceBecomes('4', 'low');
  expect(await ask()).toEqual({ tokens: 6, warning: 'soft' });
  await balanceBecomes('-2', 'exhausted');
  expect(await userStatus()).toBe('overdue');
  expect(await ask()).toEqual({ status: 402, code: 'insufficient_balance' });

  await topUp('3');
  expect(await ask()).toEqual({ status: 402, code: 'insufficient_balance' });
  await topUp('20');
  expect(await userStatus()).toBe('active');
  expect(await ask()).toEqual({ tokens: 6, warning: null });
  await balanceBecomes('15', 'good');
});

it('keeps in the ledger what every request was charged, and at which price', async () => {
  const { items } = await stack.admin<{
    items: {
      kind: string;
      amount: string;
      balance: string;
      usage?: { outputTokens: number; outputPerMillion: string };
    }[];
  }>('GET', `/accounts/${accountId}/entries?size=100`);
  expect(items.map(({ kind, amount, balance: after }) => `${kind} ${amount} = ${after}`)).toEqual([
    'usage -6 = 15',
    'top_up 20 = 21',
    'top_up 3 = 1',
    'usage -6 = -2',
    'usage -6 = 4',
    'top_up 10 = 10',
  ]);
  expect(items[0]?.usage).toMatchObject({ outputTokens: 6, outputPerMillion: '1000000' });
});

it('charges a stream for the tokens that it was cut to', async () => {
  const stream = await client.chat.completions.create({
    model: 'Qwen3-8B',
    max_tokens: 4,
    stream: true,
    messages: [{ role: 'user', content: '[mock words=50 ignore-max-tokens]' }],
  });
  for await (const _ of stream) {
    /* to its end */
  }
  await balanceBecomes('11', 'good');
});
