import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Dashboard, startDashboard } from '../support/dashboard.ts';
import { type Stack, startStack } from '../support/stack.ts';

const LOGIN_CODE = 'one-time-code-of-the-requests-test';
const ASKED = 25;
const ADMITTED = 3;

let stack: Stack;
let dashboard: Dashboard;
let page: Page;
let secret: string;
let namespaceId: string;

beforeAll(async () => {
  stack = await startStack({}, () => ({ LOGIN_CODE }));
  const channel = await stack.channel('shop', [
    { kind: 'request-limit', windows: [{ windowSeconds: 3_600, maxRequests: ADMITTED }] },
    { kind: 'token-limit', maxOutputTokens: 5 },
  ]);
  namespaceId = channel.id;
  ({ secret } = await stack.admin<{ id: string; secret: string }>('POST', '/virtual-keys', { name: 'phone' }));
  await stack.live();
  dashboard = await startDashboard(stack);
  page = dashboard.page;
  await dashboard.logIn(LOGIN_CODE);
});

afterAll(async () => {
  await dashboard?.close();
  await stack?.close();
});

/** A request as an application sends it. */
async function ask(requestId: string, channel: string): Promise<number> {
  const response = await fetch(`${stack.gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      'x-channel-code': channel,
      'x-request-id': requestId,
      'content-type': 'application/json',
      authorization: `Bearer ${secret}`,
    },
    body: JSON.stringify({ model: 'Qwen3-8B', messages: [{ role: 'user', content: 'hi' }] }),
  });
  await response.text();
  return response.status;
}

const button = (name: string, within: Page | Locator = page) => within.getByRole('button', { name, exact: true });
const row = (name: RegExp) => page.getByRole('row', { name });
const label = (name: string) => page.getByLabel(name, { exact: true });
const rows = () => page.locator('.ant-table-tbody .ant-table-row').count();

it('logs what applications ask', async () => {
  const statuses: number[] = [];
  for (let count = 0; count < ASKED; count++) statuses.push(await ask(`shop-${count}`, 'shop'));
  expect(statuses.filter((status) => status === 200)).toHaveLength(ADMITTED);
  expect(await ask('elsewhere', 'test-channel')).toBe(200);
  const logged = async () =>
    (await stack.admin<{ items: readonly object[] }>('GET', '/request-logs?size=100')).items.length;
  await expect.poll(logged, { timeout: 40_000 }).toBe(ASKED + 1);
});

it('lists requests, the newest first, and pages to older ones and back', async () => {
  await page.getByRole('menuitem', { name: 'Requests' }).click();
  await row(/ elsewhere .* Qwen3-8B 200 completed /).waitFor();
  await row(/ shop-24 shop Qwen3-8B 429 refused /).waitFor();
  expect(await rows()).toBe(20);
  await button('Older requests').click();
  await row(/ shop-0 shop Qwen3-8B 200 /).waitFor();
  expect(await rows()).toBe(ASKED + 1 - 20);
  expect(await button('Older requests').isDisabled()).toBe(true);
  await button('Newest requests').click();
  await row(/ elsewhere /).waitFor();
});

it('filters them, and keeps the filters in the address', async () => {
  await label('Namespace').fill('sho');
  await page.getByTitle('shop', { exact: true }).click();
  await label('Status').fill('200');
  await label('From').fill('2020-01-31T10:00');
  await button('Search').click();
  await row(/ elsewhere /).waitFor({ state: 'detached' });
  await row(/ shop-0 shop Qwen3-8B 200 /).waitFor();
  expect(await rows()).toBe(ADMITTED);
  await page.reload();
  await row(/ shop-0 shop Qwen3-8B 200 /).waitFor();
  expect(await rows()).toBe(ADMITTED);
  expect(await label('From').inputValue()).toBe('2020-01-31T10:00');
  await page.locator('.ant-select').getByTitle('shop').waitFor();

  await label('To').fill('2020-01-31T11:00');
  await button('Search').click();
  await row(/ shop-0 /).waitFor({ state: 'detached' });
  await button('Clear filters').click();
  await row(/ elsewhere /).waitFor();
  await label('Outcome').click();
  await page.getByTitle('refused', { exact: true }).click();
  await button('Search').click();
  await row(/ elsewhere /).waitFor({ state: 'detached' });
  await row(/ shop-24 shop Qwen3-8B 429 refused /).waitFor();
  await button('Clear filters').click();
  await row(/ elsewhere /).waitFor();
  await label('Request id').fill('shop-24');
  await button('Search').click();
  await row(/ elsewhere /).waitFor({ state: 'detached' });
  expect(await rows()).toBe(1);
});

it('shows what a request was decided by, policies and keys by their names', async () => {
  await button('shop-24').click();
  const drawer = page.getByRole('dialog');
  await drawer.getByRole('row', { name: 'Refused by shop 0', exact: true }).waitFor();
  await drawer.getByRole('row', { name: 'Virtual key phone', exact: true }).waitFor();
  await drawer.getByRole('row', { name: 'Error code rate_limit_exceeded', exact: true }).waitFor();
  await drawer.getByRole('row', { name: 'header x-channel-code shop', exact: true }).waitFor();
});

it('explains a request of the log: what happened then, and every step to how it is decided now', async () => {
  await button('Explain', page.getByRole('dialog')).click();
  await page.waitForURL('**/explain?requestId=shop-24');
  await page.getByText('It would be refused.').waitFor();
  await page.getByText('What happened then').waitFor();
  await page.getByText('an empty message stands for them').waitFor();
  await row(/^header X-Channel-Code equals “shop” \d+ shop matches$/).waitFor();
  await row(/^shop 0 policy requests 3 → 3 3 no room in [\d,.]+ s$/).waitFor();
  await page.getByText('Decided by shop 0').waitFor();
});

it('explains a request that is typed, and says what cannot be read of it', async () => {
  await page.getByRole('tab', { name: 'A request' }).click();
  const tab = page.getByRole('tabpanel', { name: 'A request' });
  await label('Headers').fill('x-channel-code');
  await label('Body (JSON)').fill('{"model"');
  await button('Explain').click();
  await tab.getByText('This is no header: x-channel-code').waitFor();
  await tab.getByText(/This is no JSON: /).waitFor();

  await label('Headers').fill('{"X-Channel-Code": "test-channel"}');
  await label('Body (JSON)').fill('{"model": "Qwen3-8B", "messages": [{"role": "user", "content": "hi"}]}');
  await label('Virtual key').fill('pho');
  await page.getByTitle('phone', { exact: true }).click();
  await button('Explain').click();
  await tab.getByText('It would be admitted.').waitFor();
  await tab.getByText('Qwen3-8B').first().waitFor();
  await tab.getByText('chosen', { exact: true }).waitFor();

  await label('Headers').fill('x-channel-code: nowhere');
  await button('Explain').click();
  await tab.getByText('It would be refused.').waitFor();
  await tab.getByText('namespace_not_found').waitFor();
  expect(await tab.getByText('not reached').count()).toBe(6);
});

it('simulates a draft before it is saved, and a policy as it stands', async () => {
  await page.goto(`${dashboard.frontend.url}/namespaces/${namespaceId}`);
  await button('Edit shop 0').click();
  await page.getByRole('dialog').getByLabel('Requests', { exact: true }).fill('20');
  await page
    .getByRole('dialog')
    .getByRole('button', { name: /Simulate$/ })
    .click();
  await page.getByText(`Of ${ASKED} requests 5 would be refused; 22 really were.`).waitFor();
  await page.getByText('Requests that were refused and would pass: 17.').waitFor();
  const byKey = page.getByRole('region', { name: 'By key' });
  await byKey.getByRole('row', { name: /^phone 25 5 0 \d+ \d+ 22 0 \d+$/ }).waitFor();
  const byHour = page.getByRole('region', { name: 'By hour' });
  await byHour.getByRole('row', { name: / 25 5 0 \d+ \d+ 22 0 \d+$/ }).waitFor();
  const byPolicy = page.getByRole('region', { name: 'By policy' });
  await byPolicy.getByRole('row', { name: /^shop 0 5 0 0 / }).waitFor();
  await page.getByText('Last day').click();
  await page.getByText(`Of ${ASKED} requests 5 would be refused`).waitFor();
  await page.keyboard.press('Escape');
  await page.getByText('What “shop 0” would have done').waitFor({ state: 'hidden' });

  await page.getByRole('dialog').getByLabel('Requests', { exact: true }).fill('');
  await page
    .getByRole('dialog')
    .getByRole('button', { name: /Simulate$/ })
    .click();
  await page.getByText('Please fill this in.').waitFor();
  await button('Cancel').click();
  await page.getByRole('dialog', { name: 'Edit', exact: true }).waitFor({ state: 'hidden' });

  await button('Simulate shop 0').click();
  await page.getByText(`Of ${ASKED} requests 22 would be refused; 22 really were.`).waitFor();
  await page.getByRole('region', { name: 'By policy' }).getByRole('link', { name: 'shop-3' }).click();
  await page.waitForURL('**/requests?requestId=shop-3');
  await row(/ shop-3 shop Qwen3-8B 429 refused /).waitFor();
});

it('speaks Chinese on a narrow screen', async () => {
  await label('Language').click();
  await page.getByTitle('中文').last().click();
  await page.getByRole('heading', { name: '请求日志' }).waitFor();
  await page.setViewportSize({ width: 390, height: 800 });
  await page.reload();
  await page.getByText('拒绝', { exact: true }).first().waitFor();
  expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);
  await page.goto(`${dashboard.frontend.url}/explain?requestId=shop-3`);
  await page.getByText('会被拒绝。').waitFor();
  expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);
});

it('has had no script error and no breach of its content security policy', () => {
  expect(dashboard.problems).toEqual([]);
});
