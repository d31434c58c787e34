import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Dashboard, startDashboard } from '../support/dashboard.ts';
import { type Stack, startStack } from '../support/stack.ts';

const LOGIN_CODE = 'one-time-code-of-the-billing-test';
const PASSWORD = 'a long enough password';

let stack: Stack;
let dashboard: Dashboard;
let page: Page;

beforeAll(async () => {
  stack = await startStack({}, () => ({ LOGIN_CODE, PASSWORD_LOGIN: 'true' }));
  await stack.admin('POST', '/customer-types', { name: 'gold' });
  const { id: tenantId } = await stack.admin('POST', '/tenants', { name: 'Tesla' });
  await stack.admin('POST', '/tenants', { name: 'Rivian' });
  await stack.admin('POST', '/administrators', { name: 'eve', role: 'tenant_admin', tenantId, password: PASSWORD });
  dashboard = await startDashboard(stack);
  page = dashboard.page;
  await dashboard.logIn(LOGIN_CODE);
});

afterAll(async () => {
  await dashboard?.close();
  await stack?.close();
});

const button = (name: string) => page.getByRole('button', { name });
const row = (name: RegExp) => page.getByRole('row', { name });
const field = (name: string) => page.getByRole('dialog').getByLabel(name, { exact: true });
const choose = async (name: string, option: string) => {
  await field(name).click();
  await page.getByTitle(option, { exact: true }).last().click();
};
const save = async () => {
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
};

it('sets a rate, and the cost price that it stands in for', async () => {
  await page.getByRole('menuitem', { name: 'Prices' }).click();
  await button('New cost price').click();
  await choose('Provider', 'mock');
  await field('Model').fill('*');
  await field('Input, per million tokens').fill('1.5');
  await field('Output, per million tokens').fill('3');
  await save();
  await row(/^mock \* 1\.5 3/).waitFor();
  await button('New rate').click();
  await choose('Customer type', 'gold');
  await choose('Provider', 'mock');
  await field('Model').fill('Qwen*');
  await field('Input, per million tokens').fill('a little');
  await field('Output, per million tokens').fill('4');
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await page.getByRole('dialog').getByText('an amount such as').waitFor();
  await field('Input, per million tokens').fill('2');
  await save();
  await row(/^gold mock Qwen\* 2 4/).waitFor();
});

it('makes an account, fills it, and shows what was booked', async () => {
  await page.getByRole('menuitem', { name: 'Accounts' }).click();
  for (const tenant of ['Rivian', 'Tesla']) {
    await button('New account').click();
    await choose('Tenant', tenant);
    await field('Soft limit').fill('5');
    await save();
    await row(new RegExp(`^${tenant} 0 USD exhausted 5 None`)).waitFor();
  }
  await button('Book an entry Tesla').click();
  await field('Amount').fill('20.5');
  await field('Note').fill('transfer 17');
  await save();
  await row(/^Tesla 20\.5 USD good/).waitFor();
  await button('Book an entry Tesla').click();
  await choose('Kind', 'adjustment');
  await field('Amount').fill('-16');
  await save();
  await row(/^Tesla 4\.5 USD low/).waitFor();

  await button('Ledger Tesla').click();
  await row(/adjustment -16 4\.5 admin/).waitFor();
  await row(/top-up 20\.5 20\.5 admin transfer 17/).waitFor();
  await page.keyboard.press('Escape');
});

it('shows a tenant its own account, and nothing to change', async () => {
  const context = await dashboard.browser.newContext({ locale: 'en-US', reducedMotion: 'reduce' });
  const other = await context.newPage();
  await other.goto(`${dashboard.frontend.url}/login`);
  await other.getByLabel('Name').fill('eve');
  await other.getByLabel('Password').fill(PASSWORD);
  await other.getByRole('button', { name: 'Log in with password' }).click();
  await other.getByRole('menuitem', { name: 'Accounts' }).click();
  await other.getByRole('row', { name: /^Tesla 4\.5 USD low/ }).waitFor();
  expect(await other.getByRole('row').count()).toBe(2);
  expect(await other.getByRole('button', { name: /New account|Edit|Delete|Book/ }).count()).toBe(0);
  await other.getByRole('button', { name: 'Ledger Tesla' }).click();
  await other.getByRole('row', { name: /top-up 20\.5/ }).waitFor();
  await context.close();
});

it('has had no script error and no breach of its content security policy', () => {
  expect(dashboard.problems).toEqual([]);
});
