import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Dashboard, startDashboard } from '../support/dashboard.ts';
import { type Stack, startStack } from '../support/stack.ts';

const LOGIN_CODE = 'one-time-code-of-the-portkey-test';

let stack: Stack;
let dashboard: Dashboard;
let page: Page;
let providerId: string;
let targetId: string;

beforeAll(async () => {
  stack = await startStack({}, () => ({ LOGIN_CODE }));
  targetId = (await stack.admin('POST', '/providers', { name: 'target', models: [] })).id;
  dashboard = await startDashboard(stack);
  page = dashboard.page;
  await dashboard.logIn(LOGIN_CODE);
});

afterAll(async () => {
  await dashboard?.close();
  await stack?.close();
});

const button = (name: string, within: Page | Locator = page) => within.getByRole('button', { name, exact: true });
const dialog = () => page.getByRole('dialog');
const field = (name: string) => dialog().getByLabel(name, { exact: true });
const row = (name: RegExp) => page.getByRole('row', { name });
const routing = (weight: number) => JSON.stringify({ targets: [{ providerId: targetId, weight }] });

/** The configs as the control plane has them: name, whether it is active, weight of the first target. */
async function configs(): Promise<readonly (readonly unknown[])[]> {
  const { items } = await stack.admin<{
    items: { name: string; isEnabled: boolean; targets: { weight: number }[] }[];
  }>('GET', `/portkey-configs?providerId=${providerId}`);
  return items.map(({ name, isEnabled, targets }) => [name, isEnabled, targets[0]?.weight]);
}

it('makes a Portkey gateway a provider', async () => {
  await page.goto(`${dashboard.frontend.url}/providers`);
  await button('plus New provider').click();
  await field('Name').fill('router');
  await field('Protocol').click();
  await page.getByTitle('Portkey gateway').click();
  await button('Save', dialog()).click();
  await row(/router/).waitFor();
  const { items } = await stack.admin<{ items: { id: string; dialect: string }[] }>('GET', '/providers?keyword=router');
  expect(items).toMatchObject([{ dialect: 'portkey' }]);
  providerId = items[0]?.id ?? '';
});

it('makes a config from text, and says what is wrong with one', async () => {
  await button('Expand row', row(/router/)).click();
  await button('plus New Portkey config').click();
  await field('Name').fill('main');
  await field('Routing (JSON)').fill('{');
  await button('Save', dialog()).click();
  await dialog().getByText(/JSON/).nth(1).waitFor();
  await field('Routing (JSON)').fill(JSON.stringify({ targets: [{ providerId }] }));
  await dialog().getByText('cannot send requests to itself').waitFor();
  await field('Routing (JSON)').fill(routing(2));
  await button('Save', dialog()).click();
  await row(/^(Expand row |Collapse row )?main single 1 1/).waitFor();
  expect(await configs()).toEqual([['main', true, 2]]);
});

it('switches configs, one at a time', async () => {
  await button('plus New Portkey config').click();
  await field('Name').fill('next');
  await field('Routing (JSON)').fill(routing(5));
  await button('Save', dialog()).click();
  await button('Activate next').click();
  await button('Activate main').waitFor();
  expect(await configs()).toEqual([
    ['main', false, 2],
    ['next', true, 5],
  ]);
  await button('Deactivate next').click();
  await button('Activate next').waitFor();
  expect(await configs()).toEqual([
    ['main', false, 2],
    ['next', false, 5],
  ]);
});

it('shows what a config has been, and brings an earlier version back', async () => {
  await button('Edit main').click();
  await field('Routing (JSON)').fill(routing(7));
  await button('Save', dialog()).click();
  await row(/^(Expand row |Collapse row )?main single 1 3/).waitFor();
  await button('Expand row', row(/^Expand row main single/)).click();
  await row(/^3 .* now /).waitFor();
  await button('Edit this version', row(/^1 /)).click();
  await button('Save', dialog()).click();
  await row(/^(Expand row |Collapse row )?main single 1 4/).waitFor();
  expect(await configs()).toContainEqual(['main', false, 2]);
  expect(dashboard.problems).toEqual([]);
});
