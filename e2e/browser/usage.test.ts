import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Dashboard, startDashboard } from '../support/dashboard.ts';
import { type Stack, startStack } from '../support/stack.ts';

const LOGIN_CODE = 'one-time-code-of-the-usage-test';
const PASSWORD = 'a long enough password';
const ASKED = 6;
const ADMITTED = 4;

type Sums = Record<'requests' | 'inputTokens' | 'outputTokens', number>;

let stack: Stack;
let dashboard: Dashboard;
let page: Page;
let shopId: string;
/** What the shop's row says of its sums: each answer has up to 5 tokens, at 0.001 each. */
let ofShop: { readonly counts: string; readonly outputTokens: number };

beforeAll(async () => {
  stack = await startStack({}, () => ({ LOGIN_CODE, PASSWORD_LOGIN: 'true' }));
  ({ id: shopId } = await stack.channel('shop', [
    { kind: 'request-limit', windows: [{ windowSeconds: 3_600, maxRequests: ADMITTED }] },
    { kind: 'token-limit', maxOutputTokens: 5 },
  ]));
  const { items } = await stack.admin<{ items: readonly { id: string; name: string }[] }>('GET', '/providers');
  const providerId = items.find(({ name }) => name === 'mock')?.id;
  const price = { providerId, model: 'Qwen3-8B', inputPerMillion: '0', outputPerMillion: '1000' };
  await stack.admin('POST', '/prices', price);
  const { id: tenantId } = await stack.admin('POST', '/tenants', { name: 'Acme' });
  await stack.admin('POST', '/administrators', { name: 'eve', role: 'tenant_admin', tenantId, password: PASSWORD });
  const key = { name: 'phone', tenantId };
  const { secret } = await stack.admin<{ secret: string }>('POST', '/virtual-keys', key);
  await stack.live();
  for (let count = 0; count < ASKED; count++) await ask('shop', secret);
  await ask('test-channel', '');
  dashboard = await startDashboard(stack);
  page = dashboard.page;
  await dashboard.logIn(LOGIN_CODE);
});

afterAll(async () => {
  await dashboard?.close();
  await stack?.close();
});

async function ask(channel: string, secret: string): Promise<void> {
  const response = await fetch(`${stack.gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'x-channel-code': channel, 'content-type': 'application/json', authorization: `Bearer ${secret}` },
    body: JSON.stringify({
      model: 'Qwen3-8B',
      messages: [{ role: 'user', content: '[mock words=50 ignore-max-tokens]' }],
    }),
  });
  await response.text();
}

const button = (name: string | RegExp) => page.getByRole('button', { name, exact: true });
const row = (name: RegExp, within: Page = page) => within.getByRole('row', { name });

it('shows what was used by model, with totals of requests, tokens and cost', async () => {
  const sums = async (query = '') => (await stack.admin<{ totals: Sums }>('GET', `/usage${query}`)).totals;
  await expect.poll(async () => (await sums()).requests, { timeout: 40_000 }).toBe(ASKED + 1);
  const { inputTokens, outputTokens } = await sums(`?namespaceId=${shopId}`);
  expect([inputTokens, outputTokens].every((tokens) => tokens > ADMITTED)).toBe(true);
  ofShop = { counts: `${ASKED} 2 ${ADMITTED} 0 ${inputTokens} ${outputTokens}`, outputTokens };
  await page.getByRole('menuitem', { name: 'Usage' }).click();
  await row(new RegExp(`^Qwen3-8B ${ASKED + 1} 2 ${ADMITTED} 0 [\\d,]+ [\\d,]+ 0\\.\\d+$`)).waitFor();
  await row(new RegExp(`^Total ${ASKED + 1} 2 ${ADMITTED} 0 `)).waitFor();
});

it('groups and narrows it as one chooses, keeps that in the address, and sorts', async () => {
  await page.goto(`${dashboard.frontend.url}/usage?groupBy=namespace,virtualKey,day&days=7`);
  await row(new RegExp(`^shop phone \\d{4}-\\d\\d-\\d\\d ${ofShop.counts} ${ofShop.outputTokens / 1_000}$`)).waitFor();
  await row(/^Demo channel – \d{4}-\d\d-\d\d 1 0 0 0 /).waitFor();
  await page.getByRole('columnheader', { name: 'Cut at the cap' }).click();
  await page.waitForURL(/sort=cut&order=desc/);
  await page.locator('.ant-table-row').first().getByText('shop').waitFor();
  await page.getByLabel('Namespace', { exact: true }).fill('sho');
  await page.getByTitle('shop', { exact: true }).click();
  await button('Search').click();
  await row(/^Demo channel/).waitFor({ state: 'detached' });
  await page.reload();
  await row(new RegExp(`^Total ${ofShop.counts} ${ofShop.outputTokens / 1_000}$`)).waitFor();
});

it('exports it as a table', async () => {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Export (CSV)' }).click(),
  ]);
  expect(download.suggestedFilename()).toBe('usage.csv');
  const lines = readFileSync(await download.path(), 'utf8').split('\r\n');
  expect(lines[0]).toMatch(/^namespaceId,namespaceName,virtualKeyId,virtualKeyName,time,requests,/);
  expect(lines[1]).toMatch(/^ns_\w+,shop,vk_\w+,phone,[\dT:.-]+Z,6,2,4,0,/);
  expect(lines[1]).toMatch(new RegExp(`,${ofShop.outputTokens},${ofShop.outputTokens / 1_000},0$`));
  expect(lines).toHaveLength(3);
});

it('changes settings, and brings a default back where a field is emptied', async () => {
  await page.getByRole('menuitem', { name: 'Settings' }).click();
  const idle = page.getByLabel('Longest pause (minutes)');
  await idle.fill('45');
  await button('Save').click();
  await page.getByText('Saved. In force within seconds.').waitFor();
  const values = async () =>
    (await stack.admin<{ values: { sessionIdleMinutes: number } }>('GET', '/settings')).values.sessionIdleMinutes;
  expect(await values()).toBe(45);
  await page.reload();
  expect(await idle.inputValue()).toBe('45');
  await idle.fill('');
  await button('Save').click();
  await expect.poll(() => idle.inputValue(), { timeout: 40_000 }).toBe('30');
  expect(await values()).toBe(30);
});

it('shows a tenant_admin its own usage, and no cost', async () => {
  const context = await dashboard.browser.newContext({ locale: 'en-US', reducedMotion: 'reduce' });
  const other = await context.newPage();
  other.setDefaultTimeout(20_000);
  await other.goto(`${dashboard.frontend.url}/login`);
  await other.getByLabel('Name').fill('eve');
  await other.getByLabel('Password').fill(PASSWORD);
  await other.getByRole('button', { name: 'Log in with password' }).click();
  await other.getByRole('menuitem', { name: 'Usage' }).click();
  await row(new RegExp(`^Qwen3-8B ${ofShop.counts}$`), other).waitFor();
  await other.goto(`${dashboard.frontend.url}/usage?groupBy=virtualKey`);
  await row(new RegExp(`^phone ${ofShop.counts}$`), other).waitFor();
  expect(await other.getByRole('menuitem', { name: 'Settings' }).count()).toBe(0);
  await context.close();
});

it('speaks Chinese on a narrow screen', async () => {
  await page.getByLabel('Language').click();
  await page.getByTitle('中文').last().click();
  await page.setViewportSize({ width: 390, height: 800 });
  for (const [path, title] of [
    ['usage', '用量'],
    ['settings', '设置'],
  ]) {
    await page.goto(`${dashboard.frontend.url}/${path}`);
    await page.getByRole('heading', { name: title ?? '' }).waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);
  }
});

it('has had no script error and no breach of its content security policy', () => {
  expect(dashboard.problems).toEqual([]);
});
