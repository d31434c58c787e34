import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { type Process, type Stack, startProcess } from './stack.ts';

const ROOT = join(import.meta.dirname, '../..');

/** The dashboard as it is shipped, in a real browser. */
export interface Dashboard {
  readonly frontend: Process;
  readonly browser: Browser;
  readonly page: Page;
  /** Script errors, dialogs and breaches of the content security policy, as they come. */
  readonly problems: readonly string[];
  /** Logs in with a one-time code and waits for the first page. */
  logIn(code: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * Builds and serves the dashboard of a stack and opens a page of it.
 * @throws Error when the build has anything to say
 */
export async function startDashboard(stack: Stack): Promise<Dashboard> {
  build();
  const frontend = await startProcess('frontend/server/main.ts', {
    FRONTEND_PORT: '0',
    CONFIG_CENTER_URL: stack.configCenter.url,
  });
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  // Dialogs that come and go at once: a test cannot take one that is fading for another.
  const page = await browser.newPage({
    viewport: { width: 1280, height: 900 },
    locale: 'en-US',
    reducedMotion: 'reduce',
  });
  page.setDefaultTimeout(20_000);
  return {
    frontend,
    browser,
    page,
    problems: problemsOf(page),
    async logIn(code) {
      await page.goto(`${frontend.url}/login?code=${code}`);
      await page.getByRole('button', { name: 'Log in', exact: true }).click();
      await page.getByRole('link', { name: 'Demo channel' }).waitFor();
    },
    async close() {
      await browser.close();
      await frontend.stop();
    },
  };
}

function build(): void {
  const vite = join(ROOT, 'node_modules/vite/bin/vite.js');
  const { stderr } = spawnSync(process.execPath, [vite, 'build', '--logLevel', 'warn'], {
    cwd: join(ROOT, 'frontend'),
    encoding: 'utf8',
    env: { ...process.env, NODE_ENV: 'production' },
  });
  if (stderr !== '') throw new Error(`the dashboard was not built cleanly:\n${stderr}`);
}

function problemsOf(page: Page): readonly string[] {
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('dialog', (dialog) => {
    problems.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('console', (message) => {
    if (message.type() === 'error' && !/40[0-9]|status of/.test(message.text())) problems.push(message.text());
  });
  return problems;
}
