import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from './support/stack.ts';

const ROOT = join(import.meta.dirname, '..');
const NAMES = ['FRONTEND_PORT', 'CONFIG_CENTER_PORT', 'GATEWAY_PORT', 'TOKEN_SERVICE_PORT', 'MOCK_LLM_PORT'] as const;

let dataDir: string;
let ports: Record<string, string>;

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'start-'));
  const found = await Promise.all(NAMES.map(async (name) => [name, String(await freePort())] as const));
  ports = Object.fromEntries(found);
});
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

/** Runs `npm start` until it has printed its screen; resolves with the screen, the time it took and the way to end it. */
async function start(environment: Record<string, string> = {}) {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [join(ROOT, 'scripts/start.ts')], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, DATA_DIR: dataDir, ...ports, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  await new Promise<void>((resolve) => {
    const note = (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('Ctrl-C stops everything')) resolve();
    };
    child.stdout.on('data', note);
    child.stderr.on('data', note);
    void exited.then(() => resolve());
  });
  return { text, ms: performance.now() - startedAt, child, exited };
}

async function stop({
  child,
  exited,
}: {
  child: ChildProcess;
  exited: Promise<number | null>;
}): Promise<number | null> {
  child.kill('SIGINT');
  return exited;
}

/** As a terminal does that is closed. */
async function hangUp({
  child,
  exited,
}: {
  child: ChildProcess;
  exited: Promise<number | null>;
}): Promise<number | null> {
  child.kill('SIGHUP');
  return exited;
}

async function isServed(name: string): Promise<boolean> {
  return (await fetch(`http://127.0.0.1:${ports[name]}/health`).catch(() => undefined)) !== undefined;
}

it('starts everything, prints one screen whose curl works, ends on Ctrl-C, and starts again in less than 5 s with its data', async () => {
  const first = await start();
  expect(first.text.split('\n').length).toBeLessThan(30);
  for (const name of NAMES) expect(await isServed(name)).toBe(true);

  const curl = /curl (http:\S+) .* -d '(.*)'\n/.exec(first.text);
  const answer = await fetch(curl?.[1] ?? '', {
    method: 'POST',
    headers: { 'X-Channel-Code': 'test-channel', 'Content-Type': 'application/json' },
    body: curl?.[2] ?? '',
  });
  expect(answer.status).toBe(200);

  const login = /\/login\?code=(\S+)/.exec(first.text)?.[1] ?? '';
  const api = `http://127.0.0.1:${ports.FRONTEND_PORT}/api/v2`;
  const headers = { 'content-type': 'application/json', 'x-requested-with': 'gateway-dashboard' };
  const session = await fetch(`${api}/session`, { method: 'POST', headers, body: JSON.stringify({ code: login }) });
  expect(session.status).toBe(200);
  const cookie = session.headers.get('set-cookie')?.split(';')[0] ?? '';
  const created = await fetch(`${api}/namespaces`, {
    method: 'POST',
    headers: { ...headers, cookie },
    body: JSON.stringify({ code: 'kept', name: 'Kept' }),
  });
  expect(created.status).toBe(201);
  expect(
    (await fetch(`${api}/session`, { method: 'POST', headers, body: JSON.stringify({ code: login }) })).status,
  ).toBe(401);

  expect(statSync(join(dataDir, 'secrets.json')).mode & 0o777).toBe(0o600);
  const { GATEWAY_TOKEN } = JSON.parse(readFileSync(join(dataDir, 'secrets.json'), 'utf8')) as Record<string, string>;
  expect(first.text).not.toContain(GATEWAY_TOKEN);

  expect(await stop(first)).toBe(0);
  for (const name of NAMES) expect(await isServed(name)).toBe(false);

  const second = await start();
  expect(second.ms).toBeLessThan(5_000);
  const list = await fetch(`${api}/namespaces?keyword=kept`, { headers: { cookie } });
  expect(await list.json()).toMatchObject({ data: { total: 1 } });
  expect(await hangUp(second)).toBe(0);
  for (const name of NAMES) expect(await isServed(name)).toBe(false);
});

it('names a port that is taken and the variable to change, before anything starts', async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(Number(ports.GATEWAY_PORT), '127.0.0.1', resolve));
  const refused = await start();
  expect(await refused.exited).toBe(1);
  expect(refused.text).toContain(`Port ${ports.GATEWAY_PORT} for gateway is taken`);
  expect(refused.text).toContain('GATEWAY_PORT');
  await new Promise((resolve) => holder.close(resolve));
});

it('starts a service again that dies', async () => {
  const running = await start();
  const before = await fetch(`http://127.0.0.1:${ports.TOKEN_SERVICE_PORT}/metrics`).then((response) =>
    response.text(),
  );
  const pid = (await import('node:child_process'))
    .execFileSync('pgrep', ['-P', String(running.child.pid), '-f', 'token-service'], { encoding: 'utf8' })
    .trim();
  process.kill(Number(pid), 'SIGKILL');
  expect(before).toContain('token_service_');
  for (let tries = 0; tries < 100 && !(await isServed('TOKEN_SERVICE_PORT')); tries++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await isServed('TOKEN_SERVICE_PORT')).toBe(true);
  expect(await stop(running)).toBe(0);
});
