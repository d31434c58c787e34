import { readFileSync } from 'node:fs';
import type { Model } from '@ai-gateway/contracts';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Dashboard, startDashboard } from '../support/dashboard.ts';
import { eventually, type Process, type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
let dashboard: Dashboard;
let frontend: Process;
let browser: Browser;
let page: Page;
const LOGIN_CODE = 'one-time-code-of-the-browser-test';

beforeAll(async () => {
  stack = await startStack({}, () => ({ LOGIN_CODE, PASSWORD_LOGIN: 'true' }));
  dashboard = await startDashboard(stack);
  ({ frontend, browser, page } = dashboard);
});

afterAll(async () => {
  await dashboard?.close();
  await stack?.close();
});

/** A policy as the control plane answers. */
interface StoredPolicy {
  readonly id: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** Whether the row of a namespace shows requests right now. */
async function showsTraffic(name: string): Promise<boolean> {
  const row = page.getByRole('row', { name });
  return /[1-9]/.test(await row.getByRole('cell').nth(2).innerText());
}

/** A request as an application sends it. */
async function ask(channel: string, more: object = {}, path = '/v1/chat/completions'): Promise<number> {
  const response = await fetch(stack.gateway.url + path, {
    method: 'POST',
    headers: { 'x-channel-code': channel, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'Qwen3-8B', messages: [{ role: 'user', content: 'hi' }], ...more }),
  });
  await response.text();
  return response.status;
}

/** Waits until the page of tokens shows these counts. */
const counts = (shown: RegExp) =>
  eventually(async () => shown.test((await page.getByRole('status').innerText()).trim()), `counts ${shown}`);

const button = (name: string | RegExp) => page.getByRole('button', { name });
const inDialog = (name: string | RegExp) => page.getByRole('dialog').getByRole('button', { name });
const field = (name: string) => page.getByRole('dialog').getByLabel(name, { exact: true });

it('logs in with a one-time code, and only with one', async () => {
  await page.goto(frontend.url);
  await page.waitForURL('**/login');
  await page.getByLabel('Login code').fill('wrong');
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
  await page.getByText('The login code is not valid').waitFor();

  await page.goto(`${frontend.url}/login?code=${LOGIN_CODE}`);
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
  await page.waitForURL('**/namespaces');
  await page.getByRole('link', { name: 'Demo channel' }).waitFor();
});

it('creates a namespace, told by the server what is wrong with it', async () => {
  await button('New namespace').click();
  await field('Name').fill('Shop <img src=x onerror=alert(1)>');
  await field('Code').fill('Bad Code');
  await inDialog('Save').click();
  await page.getByRole('dialog').getByText('no leading sign').waitFor();
  await field('Code').fill('shop');
  await page.getByLabel('Open to everyone who matches').check();
  await inDialog('Save').click();
  await page.getByText('It has no enabled matcher, so no request gets into it.').waitFor();
  await page.getByRole('link', { name: 'Shop <img src=x onerror=alert(1)>' }).click();
  await page.waitForURL(/\/namespaces\/ns_/);
});

it('gives it a matcher', async () => {
  await button('New matcher').click();
  await field('Field').fill('X-Channel-Code');
  await field('Value').fill('shop');
  await inDialog('Save').click();
  await page.getByText('header X-Channel-Code equals “shop”').waitFor();
  await stack.live();
  expect(await ask('shop')).toBe(200);
});

it('edits a policy, and sees the next request refused', async () => {
  await button('New policy').click();
  await field('Name').fill('Two at most');
  await field('Requests per second').fill('1000');
  await inDialog('Save').click();
  await page.getByText('1,000 requests per 1 s').waitFor();
  await stack.live();
  for (let count = 0; count < 5; count++) expect(await ask('shop')).toBe(200);

  await button('Edit Two at most').click();
  await field('Requests per second').fill('0.01');
  await field('Burst (requests at once)').fill('2');
  await page.getByRole('dialog').getByText('0.01 requests per 1 s').waitFor();
  await inDialog('Save').click();
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await stack.live();
  expect([await ask('shop'), await ask('shop'), await ask('shop')]).toEqual([200, 200, 429]);
});

it('shows how full the limits are', async () => {
  await page.getByRole('row', { name: /^Two at most requests 2 \/ 2 / }).waitFor();
  await page.getByRole('progressbar', { name: 'Two at most' }).waitFor();
  await page.getByText('in flight: 0').waitFor();
});

it('creates a request limit for some models, and sees its counter', async () => {
  await button('New policy').click();
  await field('Name').fill('Per minute');
  await page.getByRole('dialog').getByLabel('Kind').click();
  await page.getByTitle('Requests per window').last().click();
  await field('Requests').fill('7');
  await inDialog(/Advanced/).click();
  await field('Model').fill('two models');
  await inDialog('Save').click();
  await page.getByRole('dialog').getByText('a model name, or a prefix followed by *').waitFor();
  await field('Model').fill('Qwen3*');
  await inDialog('Save').click();
  await page
    .getByRole('row', { name: /^Per minute Requests per window 7 requests in any 60 s Model: Qwen3\*/ })
    .waitFor();
  await stack.live();
  await page.getByRole('row', { name: /^Per minute requests 0 \/ 7 / }).waitFor();
});

it('keeps what an edit does not show', async () => {
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  const { items } = await stack.admin<{ items: readonly StoredPolicy[] }>('GET', '/policies?keyword=Per%20minute');
  const [{ id, createdAt: _, updatedAt: __, ...policy }] = items as [StoredPolicy];
  const upstreams = await stack.admin<{ items: readonly { id: string }[] }>('GET', '/upstreams');
  const scope = { model: 'Qwen3*', upstreamId: upstreams.items[0]?.id };
  await stack.admin('PUT', `/policies/${id}`, { ...policy, scope, countPer: ['virtualKey'], onLimiterDown: 'closed' });
  await page.reload();
  await page.getByText(`Upstream: ${scope.upstreamId}`).waitFor();
  await button('Edit Per minute').click();
  await field('Requests').fill('9');
  await inDialog('Save').click();
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  expect(await stack.admin('GET', `/policies/${id}`)).toMatchObject({
    scope,
    countPer: ['virtualKey'],
    onLimiterDown: 'closed',
    rule: { windows: [{ windowSeconds: 60, maxRequests: 9 }] },
  });
});

it('copies a policy', async () => {
  await button('Copy Per minute').click();
  await inDialog('Save').click();
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await button(/^Delete .*copy.*Per minute|^Delete Per minute.*copy/i).waitFor();
});

it('shows the faults of a policy at its fields', async () => {
  await button('New policy').click();
  await field('Name').fill('Pattern');
  const choose = async (label: string, option: string) => {
    await page.getByRole('dialog').getByLabel(label).click();
    await page.getByTitle(option, { exact: true }).last().click();
    // The next click must not meet a list that is still closing.
    await page.locator('.ant-select-dropdown:not(.ant-select-dropdown-hidden)').waitFor({ state: 'hidden' });
  };
  await choose('Kind', 'Message matching');
  await choose('Where', 'body');
  await field('Field').fill('metadata.tier');
  await choose('Operator', 'matches the pattern');
  await field('Value').fill('(');
  await inDialog('Save').click();
  await page
    .getByRole('dialog')
    .getByText(/missing closing|parsing|regexp/i)
    .waitFor();
  await inDialog('Cancel').click();
});

it('schedules the edit of a policy for later, and cancels it', async () => {
  await button('Edit Two at most').click();
  await field('Burst (requests at once)').fill('3');
  await field('Effective from').fill('2099-01-01T00:00');
  await inDialog('Save').click();
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await page.getByRole('menuitem', { name: 'History' }).click();
  await page.getByRole('row', { name: /2099.* update policies pol_\w+ waiting/ }).waitFor();
  await button(/^Cancel the scheduled change/).click();
  await page.getByRole('tooltip').getByRole('button', { name: 'OK' }).click();
  await page.getByRole('row', { name: /2099.* cancelled/ }).waitFor();
});

it('stores a key of a provider, replaces its secret and deletes it, and never shows more than its end', async () => {
  await page.getByRole('menuitem', { name: 'Providers' }).click();
  await page.getByRole('row', { name: /mock/ }).getByRole('button', { name: 'Expand row' }).click();
  await button('New key').click();
  await field('API key').fill('sk-typed-in-the-browser-1111');
  await field('Name').fill('browser key');
  await inDialog('Save').click();
  await page.getByRole('row', { name: /^browser key …1111 All 100 1/ }).waitFor();
  await button('Edit browser key').click();
  await field('Weight').fill('7');
  await inDialog('Save').click();
  await page.getByRole('row', { name: /^browser key …1111 All 100 7/ }).waitFor();
  await button('Replace the API key of browser key').click();
  await field('API key').fill('sk-typed-in-the-browser-2222');
  await inDialog('Save').click();
  await page.getByRole('row', { name: /^browser key …2222 All 100 7/ }).waitFor();
  // The dialog fades away with what was typed.
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  expect((await page.content()).includes('typed-in-the-browser')).toBe(false);
  await page.getByText('takes traffic').waitFor();
  await button('Delete browser key').click();
  await page.getByRole('tooltip').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('row', { name: /^browser key/ }).waitFor({ state: 'detached' });
  await button('Collapse row').click();
});

it('tells of a change that somebody else made meanwhile, loads it again, and shows both in the audit log', async () => {
  const { items } = await stack.admin<{ items: readonly { id: string; name: string }[] }>('GET', '/providers');
  const { id, models, dialect } = items.find(({ name }) => name === 'mock') as (typeof items)[number] & {
    models: readonly string[];
    dialect: string;
  };
  await page.getByRole('menuitem', { name: 'Providers' }).click();
  await button('Edit mock').click();
  await stack.admin('PUT', `/providers/${id}`, { name: 'mock', models, dialect, priority: 77 });
  await field('Priority').fill('5');
  await inDialog('Save').click();
  await page.getByText('Somebody else has changed this meanwhile').waitFor();
  await button('Load again').click();
  await page.getByRole('row', { name: /^(Expand row )?mock .* 77 / }).waitFor();
  await button('Edit mock').click();
  await field('Priority').fill('78');
  await inDialog('Save').click();
  await page.getByRole('row', { name: /^(Expand row )?mock .* 78 / }).waitFor();

  await page.getByRole('menuitem', { name: 'Audit log' }).click();
  await page.getByRole('row', { name: new RegExp(`admin changed provider ${id}`) }).waitFor();
  await button('Expand row').first().click();
  await page.getByRole('row', { name: 'priority 77 78', exact: true }).waitFor();
});

it('hedges the requests of a provider, and names who answers when it cannot', async () => {
  await page.getByRole('menuitem', { name: 'Providers' }).click();
  await button('Edit mock').click();
  await inDialog(/Retries, hedging and ejection/).click();
  await field('Hedging').click();
  await page.getByTitle('After a fixed time (ms)').last().click();
  await field('Hedge after (ms)').fill('321');
  await field('Failures until set aside').fill('9');
  await inDialog('Save').click();
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  const { items } = await stack.admin<{ items: readonly { name: string; routing?: object }[] }>('GET', '/providers');
  const routing = items.find(({ name }) => name === 'mock')?.routing;
  expect(routing).toMatchObject({ hedge: { afterMs: 321 }, ejection: { failures: 9, asideMs: 5000 } });

  await page.getByRole('menuitem', { name: 'Models' }).click();
  await button('New fallback').click();
  await field('Model that fails').fill('Qwen3-8B');
  await inDialog('Save').click();
  await page.getByText(/a fallback names a provider, a model, or both/).waitFor();
  await field('Model').fill('Qwen3-4B');
  await inDialog('Save').click();
  await page.getByRole('row', { name: /^Qwen3-8B Qwen3-4B All namespaces/ }).waitFor();
});

it('redirects a model, names another, and refuses redirects that never end', async () => {
  await page.getByRole('menuitem', { name: 'Models' }).click();
  await button('New redirect').click();
  await field('Asked for').fill('fast-*');
  await field('Goes to').fill('mock/fast-*');
  await inDialog('Save').click();
  await page.getByRole('row', { name: /^fast-\* mock\/fast-\* All namespaces 100/ }).waitFor();
  await button('New redirect').click();
  await field('Asked for').fill('ring');
  await field('Goes to').fill('ring');
  await inDialog('Save').click();
  await page.getByRole('dialog').getByText('It leads to itself.').waitFor();
  await inDialog('Cancel').click();

  await button('New model').click();
  await field('Provider').click();
  await page.getByTitle('mock', { exact: true }).click();
  await field('Name').fill('fast-qwen');
  await field('Name at the provider').fill('Qwen3-8B');
  await field('Context (tokens)').fill('1000');
  await inDialog('Save').click();
  await page.getByRole('row', { name: /^fast-qwen mock Qwen3-8B/ }).waitFor();
  await stack.live();
  expect(await ask('test-channel', { model: 'fast-qwen' })).toBe(200);
  expect(await ask('test-channel', { model: 'fast-qwen', max_tokens: 1000 })).toBe(400);
});

it('leads a path to the chat by a location, and tells where a path leads', async () => {
  await page.getByRole('menuitem', { name: 'Locations' }).click();
  await page.getByText('No rule concerns it.').waitFor();
  await button('New location').click();
  await field('Path').fill('/qwen');
  await field('Becomes').fill('/v1/chat/completions');
  await field('What cannot be done').click();
  await page.getByTitle(/^Leave out hints, and also images/).click();
  await inDialog('Save').click();
  await page.getByRole('row', { name: /^100 \/qwen \/v1\/chat\/completions/ }).waitFor();
  await page.getByLabel('Try a path').fill('/qwen');
  await page.getByText('It leads to /v1/chat/completions').waitFor();
  await stack.live();
  expect(await ask('test-channel', {}, '/qwen')).toBe(200);

  const { items } = await stack.admin<{ items: readonly Model[] }>('GET', '/models');
  const { id, providerId, name } = items.find((model) => model.name === 'fast-qwen') ?? (items[0] as Model);
  const capabilities = ['text'];
  await stack.admin('PUT', `/models/${id}`, { providerId, name, upstreamName: 'Qwen3-8B', capabilities });
  await stack.live();
  const tooled = { model: 'fast-qwen', tools: [{ type: 'function', function: { name: 'f', parameters: {} } }] };
  expect(await ask('test-channel', tooled)).toBe(400);
  expect(await ask('test-channel', tooled, '/qwen')).toBe(200);
});

it('makes a user, lets it use the API, and gives its key a new secret', async () => {
  await page.getByRole('menuitem', { name: 'Users' }).click();
  await button('New user').click();
  await field('Name').fill('Ada');
  await inDialog('Save').click();
  await page.getByRole('row', { name: /^Ada None None pending/ }).waitFor();
  await button('Change status Ada').click();
  await field('Status').click();
  await page.getByTitle('active', { exact: true }).click();
  await field('Reason').fill('first top-up');
  await inDialog('Save').click();
  await page.getByRole('row', { name: /^Ada None None active first top-up/ }).waitFor();

  await page.getByRole('menuitem', { name: 'Virtual keys' }).click();
  await button('New virtual key').click();
  await field('Name').fill('Key of Ada');
  await field('User').click();
  await page.getByTitle('Ada', { exact: true }).click();
  await inDialog('Save').click();
  const shown = page.getByRole('dialog', { name: 'The secret is shown only now' });
  const first = await shown.getByRole('code').innerText();
  await page.keyboard.press('Escape');
  await shown.waitFor({ state: 'hidden' });
  await button('New secret Key of Ada').click();
  await page.getByRole('tooltip').getByRole('button', { name: 'New secret' }).click();
  await shown.waitFor();
  expect(await shown.getByRole('code').innerText()).not.toBe(first);
  await page.keyboard.press('Escape');
  await shown.waitFor({ state: 'hidden' });
  await button('Edit Key of Ada').click();
  await field('Name').fill('Key of Ada L.');
  await inDialog('Save').click();
  await page.getByRole('row', { name: /^Key of Ada L\./ }).waitFor();
});

it('shows the tokens of a text as one types, of a chat too, and how models are counted', async () => {
  await page.getByRole('menuitem', { name: 'Tokens' }).click();
  await page.getByLabel('Model', { exact: true }).fill('gpt-4o');
  await page.getByLabel('Text', { exact: true }).fill('Hello, world!');
  await counts(/^Tokens\s+4\s+Characters\s+13\s+Bytes \(UTF-8\)\s+13\s+exact\s+Vocabulary: o200k_base$/);
  const pieces = page.getByRole('region', { name: 'Text as tokens' });
  expect(await pieces.innerText()).toBe('Hello,·world!');
  await pieces.getByText('·world').hover();
  await page.getByRole('tooltip', { name: /^Token \d+$/ }).waitFor();
  await page.getByRole('switch', { name: 'As chat message' }).click();
  await counts(/^Tokens\s+11\s.*exact/s);
  await page.getByRole('row', { name: /^gpt-4o\* .*o200k_base/ }).waitFor();
});

it('shows what each revision changed, and goes back to one', async () => {
  await page.getByRole('menuitem', { name: 'History' }).click();
  await page.getByRole('heading', { name: 'History of the rules' }).waitFor();
  const { revision } = await stack.stats();
  await page
    .getByRole('row', { name: `${revision} current` })
    .getByRole('button', { name: 'Expand row' })
    .click();
  await page.locator('.ant-table-expanded-row code').first().waitFor();
  await button(`Roll back to revision ${revision - 1}`).click();
  await page.getByRole('tooltip').getByRole('button', { name: 'OK' }).click();
  await page.getByRole('row', { name: `${revision + 1} current` }).waitFor();
  await stack.live();
  // The first question fades out while the second would be asked.
  await page.getByRole('tooltip').waitFor({ state: 'hidden' });
  // And forward again, for the tests that follow.
  await button(`Roll back to revision ${revision}`).click();
  await page.getByRole('tooltip').getByRole('button', { name: 'OK' }).click();
  await page.getByRole('row', { name: `${revision + 2} current` }).waitFor();
  await stack.live();
});

it('takes the rules out as a file, shows what a file would change, and applies it', async () => {
  const [saved] = await Promise.all([page.waitForEvent('download'), button('Export YAML').click()]);
  expect(saved.suggestedFilename()).toBe('rules.yaml');
  const exported = readFileSync(await saved.path(), 'utf8');
  expect(exported).toContain('code: test-channel');
  await button('Import').click();
  const file = (text: string) => ({ name: 'rules.yaml', mimeType: 'application/yaml', buffer: Buffer.from(text) });
  await page.getByLabel('File of rules (YAML or JSON)').setInputFiles(file(exported));
  await page.getByText('The rules are as the file says.').waitFor();
  const more = 'version: 1\ncustomerTypes: [{ name: Imported }]\nnamespaces: [{ code: lonely, name: Lonely }]';
  await page.getByLabel('File of rules (YAML or JSON)').setInputFiles(file(more));
  await page.getByRole('dialog').getByText('namespaces lonely: It has no enabled matcher').waitFor();
  await inDialog('Apply 2 changes').click();
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  expect(await stack.admin('GET', '/customer-types?keyword=Imported')).toMatchObject({ total: 1 });
});

it('lists what is doubtful about the rules, and leads there', async () => {
  await page.getByRole('menuitem', { name: 'Checks' }).click();
  await page.getByRole('row', { name: /^warning namespace-without-matcher namespaces lonely/ }).waitFor();
  await page.getByRole('link', { name: 'lonely', exact: true }).click();
  await page.getByRole('heading', { name: 'Lonely' }).waitFor();
});

it('makes a policy test, told what is wrong with it, runs it, and has it block a change', async () => {
  await page.getByRole('menuitem', { name: 'Policy tests' }).click();
  await button('New policy test').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('demo is open');
  await dialog.getByLabel('Cases').fill('[{');
  await dialog.getByText(/Not a JSON list/).waitFor();
  const request = { headers: { 'X-Channel-Code': 'test-channel' }, path: '/v1/files' };
  const cases = (decision: string) => JSON.stringify([{ name: 'anybody', request, expect: { decision } }]);
  await dialog.getByLabel('Cases').fill(cases('perhaps'));
  await button('Save').click();
  await page.getByText(/cases\.0\.expect\.decision/).waitFor();
  await dialog.getByLabel('Cases').fill(cases('allowed'));
  await button('Save').click();
  const row = page.getByRole('row', { name: /demo is open/ });
  await row.waitFor();
  await button('Run now').click();
  await row.getByText('passed').waitFor();
  await row.getByRole('button', { name: /expand/i }).click();
  await page.getByRole('cell', { name: 'test-channel', exact: true }).waitFor();

  const { items } = await stack.admin<{ items: { id: string; code: string }[] }>('GET', '/namespaces?size=100');
  const demo = items.find(({ code }) => code === 'test-channel');
  const closed = { code: 'test-channel', name: 'Demo channel', authMode: 'key' };
  await expect(stack.admin('PUT', `/namespaces/${demo?.id}`, closed)).rejects.toThrow(/demo is open\.anybody/);
  await button('Delete demo is open').click();
  await page.getByRole('tooltip').getByRole('button', { name: 'Delete' }).click();
  await row.waitFor({ state: 'detached' });
});

it('makes administrators, and shows a viewer what they may read and nothing to change', async () => {
  await page.getByRole('menuitem', { name: 'Administrators' }).click();
  await page.getByRole('row', { name: /admin superadmin local/ }).waitFor();
  await page.getByRole('row', { name: /made at the first start/ }).waitFor();
  await page.getByRole('row', { name: /admin this one code/ }).waitFor();
  await button('New administrator').click();
  await field('Name').fill('ada');
  await field('Password').fill('too short');
  await inDialog('Save').click();
  await page.getByRole('dialog').getByText('at least 12 characters', { exact: true }).waitFor();
  await field('Password').fill('a long enough password');
  await inDialog('Save').click();
  await page.getByRole('row', { name: /ada viewer local/ }).waitFor();

  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-US' });
  const other = await context.newPage();
  await other.goto(`${frontend.url}/login`);
  await other.getByLabel('Name').fill('ada');
  await other.getByLabel('Password').fill('a long enough password');
  await other.getByRole('button', { name: 'Log in with password' }).click();
  await other.waitForURL('**/namespaces');
  await other.getByRole('link', { name: 'Demo channel' }).waitFor();
  expect(await other.getByRole('button', { name: /New namespace|Edit|Delete/ }).count()).toBe(0);
  expect(await other.getByRole('menuitem', { name: 'Administrators' }).count()).toBe(0);

  await page.reload();
  await page.getByRole('row', { name: /ada password/ }).waitFor();
  await page
    .getByRole('row', { name: /ada viewer local/ })
    .getByRole('button', { name: 'End all sessions' })
    .click();
  await page.getByText('Sessions ended.').waitFor();
  await other.reload();
  await other.waitForURL('**/login');
  await context.close();
});

it('logs in on another device with a link of its own', async () => {
  await button('Log in on another device').click();
  const url = new URL((await page.getByRole('dialog').locator('code').innerText()).trim());
  await page.keyboard.press('Escape');
  const context = await browser.newContext({ locale: 'en-US' });
  const other = await context.newPage();
  await other.goto(`${frontend.url}${url.pathname}${url.search}`);
  await other.getByRole('button', { name: 'Log in', exact: true }).click();
  await other.getByRole('link', { name: 'Demo channel' }).waitFor();
  await context.close();
});

it('shows live numbers and gateways, in Chinese and in the dark as well', async () => {
  await page.getByRole('menuitem', { name: 'Namespaces' }).click();
  const sending = (async () => {
    for (let count = 0; count < 60; count++) await ask('test-channel');
  })();
  await eventually(() => showsTraffic('Demo channel'), 'live numbers');
  await sending;
  await page.getByRole('menuitem', { name: 'Gateways' }).click();
  await page.getByText('current').waitFor();
  await page.getByRole('switch', { name: 'Dark theme' }).click();
  await page.getByLabel('Language').click();
  await page.getByTitle('中文').last().click();
  await page.getByRole('heading', { name: '网关实例' }).waitFor();
  await page.setViewportSize({ width: 390, height: 800 });
  await page.reload();
  await page.getByRole('heading', { name: '网关实例' }).waitFor();
});

it('counts tokens in Chinese, on a narrow screen', async () => {
  await page.goto(`${frontend.url}/tokens`);
  await page.getByRole('heading', { name: '令牌计算' }).waitFor();
  await page.getByLabel('模型', { exact: true }).fill('gpt-4o');
  await page.getByLabel('文本', { exact: true }).fill('Hello, world!\n');
  await counts(/^令牌数\s+4\s+字符数\s+14\s+字节数（UTF-8）\s+14\s+精确\s+词表: o200k_base$/);
  expect(await page.getByRole('region', { name: '按令牌拆分的文本' }).innerText()).toContain('⏎');
  expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);
});

it('logs out', async () => {
  await page.setViewportSize({ width: 1280, height: 900 });
  await button('退出登录').click();
  await page.waitForURL('**/login');
  await page.goto(`${frontend.url}/namespaces`);
  await page.waitForURL('**/login');
});

it('has had no script error, no dialog from hostile text, and no breach of its content security policy', () => {
  expect(dashboard.problems).toEqual([]);
});
