import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** One process of the embedded default. */
interface Service {
  readonly name: string;
  readonly entry: string;
  readonly portVariable: string;
  readonly defaultPort: number;
}

const ROOT = join(import.meta.dirname, '..');

const SERVICES: readonly Service[] = [
  { name: 'token-service', entry: 'token-service/src/main.ts', portVariable: 'TOKEN_SERVICE_PORT', defaultPort: 8002 },
  { name: 'mock-llm', entry: 'mock-llm/src/main.ts', portVariable: 'MOCK_LLM_PORT', defaultPort: 8003 },
  { name: 'config-center', entry: 'config-center/src/main.ts', portVariable: 'CONFIG_CENTER_PORT', defaultPort: 8001 },
  { name: 'gateway', entry: 'gateway/src/main.ts', portVariable: 'GATEWAY_PORT', defaultPort: 8081 },
  { name: 'frontend', entry: 'frontend/server/main.ts', portVariable: 'FRONTEND_PORT', defaultPort: 8080 },
];

/** Time in which a service must listen, and time it has to stop. */
const START_MS = 30_000;
const STOP_MS = 10_000;
const MAX_RESTARTS = 5;
const RESTART_WINDOW_MS = 30_000;

/** The parts of the environment that all services share. */
type Environment = Readonly<Record<string, string>>;

function portOf({ portVariable, defaultPort }: Service): number {
  const given = process.env[portVariable];
  return given === undefined || given === '' ? defaultPort : Number(given);
}

function urlOf(name: string): string {
  const service = SERVICES.find((candidate) => candidate.name === name);
  return `http://127.0.0.1:${service === undefined ? '' : portOf(service)}`;
}

/** Secrets that the services share, drawn once and kept beside the data. */
function secretsIn(dataDir: string): Environment {
  const path = join(dataDir, 'secrets.json');
  const known = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Environment) : {};
  const drawn = {
    GATEWAY_TOKEN: randomBytes(32).toString('hex'),
    KEY_PEPPER: randomBytes(32).toString('hex'),
    SECRETS_KEYS: `first:${randomBytes(32).toString('base64')}`,
  };
  const secrets = { ...drawn, ...known };
  // Whole or not at all: without the file, stored secrets are lost.
  if (Object.keys(drawn).some((name) => known[name] === undefined)) {
    writeFileSync(`${path}.tmp`, `${JSON.stringify(secrets, undefined, 2)}\n`, { mode: 0o600 });
    renameSync(`${path}.tmp`, path);
  }
  return secrets;
}

/** @throws Error naming the port and the variable to change */
async function requireFreePorts(): Promise<void> {
  for (const service of SERVICES) {
    const port = portOf(service);
    if (Number.isInteger(port) && port > 0 && port <= 65_535 && (await isFree(port))) continue;
    throw new Error(
      `Port ${port} for ${service.name} is taken or not a port. Set ${service.portVariable} to a free one, for example: ${service.portVariable}=${service.defaultPort + 1000} npm start`,
    );
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

/** Builds the dashboard when there is no build or a source is newer. */
function buildFrontend(): void {
  const built = join(ROOT, 'frontend/dist/index.html');
  const builtAt = existsSync(built) ? statSync(built).mtimeMs : 0;
  const sources = [
    'frontend/src',
    'frontend/index.html',
    'frontend/vite.config.ts',
    'contracts/src',
    'package-lock.json',
  ];
  if (sources.every((path) => newestIn(join(ROOT, path)) <= builtAt)) return;

  process.stdout.write('Building the dashboard …\n');
  const vite = join(ROOT, 'node_modules/vite/bin/vite.js');
  const { status, stderr, stdout } = spawnSync(process.execPath, [vite, 'build', '--logLevel', 'warn'], {
    cwd: join(ROOT, 'frontend'),
    encoding: 'utf8',
    env: { ...process.env, NODE_ENV: 'production' },
  });
  if (status !== 0) throw new Error(`The dashboard could not be built:\n${stdout}${stderr}`);
}

function newestIn(path: string): number {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return 0;
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newestIn(join(path, name))));
}

/** Keeps the services running until told to stop. */
function supervisor(environment: Environment, logDir: string) {
  const running = new Map<string, ChildProcess>();
  let isStopping = false;

  function launch(service: Service): Promise<void> {
    const log = openSync(join(logDir, `${service.name}.log`), 'a', 0o600);
    const child = spawn(process.execPath, ['--disable-warning=DEP0060', join(ROOT, service.entry)], {
      cwd: ROOT,
      env: { ...process.env, ...environment, [service.portVariable]: String(portOf(service)) },
      stdio: ['ignore', 'pipe', log],
      // A process group of its own: Ctrl-C reaches the supervisor alone, which stops the others in order.
      detached: true,
    });
    running.set(service.name, child);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${service.name} did not start in time.`)), START_MS);
      child.stdout?.on('data', (chunk: Buffer) => {
        writeFileSync(log, chunk);
        if (!chunk.includes('"event":"listening"')) return;
        clearTimeout(timer);
        resolve();
      });
      child.once('exit', (code) => {
        clearTimeout(timer);
        reject(new Error(`${service.name} ended with code ${code}:\n${lastLines(logDir, service.name)}`));
      });
    });
  }

  async function watch(service: Service): Promise<void> {
    const deaths: number[] = [];
    while (!isStopping) {
      const child = running.get(service.name);
      if (child !== undefined && child.exitCode === null && child.signalCode === null) {
        await new Promise((resolve) => child.once('exit', resolve));
      }
      if (isStopping) return;
      deaths.push(Date.now());
      const recent = deaths.filter((at) => at > Date.now() - RESTART_WINDOW_MS).length;
      if (recent >= MAX_RESTARTS) throw new Error(`${service.name} keeps failing:\n${lastLines(logDir, service.name)}`);
      process.stderr.write(`${service.name} ended; starting it again.\n`);
      await sleep(200 * 2 ** recent);
      await launch(service).catch((error: Error) => process.stderr.write(`${error.message}\n`));
    }
  }

  return {
    launch,
    watch,
    async stop(): Promise<void> {
      if (isStopping) return;
      isStopping = true;
      await Promise.all([...running.values()].map(stopOne));
    },
  };
}

async function stopOne(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(timer);
}

function lastLines(logDir: string, name: string): string {
  return readFileSync(join(logDir, `${name}.log`), 'utf8')
    .trimEnd()
    .split('\n')
    .slice(-8)
    .join('\n');
}

async function gatewayReady(): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const answer = await fetch(`${urlOf('gateway')}/readyz`).catch(() => undefined);
    if (answer?.ok === true) return;
    await sleep(100);
  }
  throw new Error('The gateway got no rules from the config center.');
}

function screen(loginCode: string, dataDir: string): string {
  const local = (name: string) => urlOf(name).replace('127.0.0.1', 'localhost');
  const chat = `${local('gateway')}/api/chat`;
  const headers = `-H 'X-Channel-Code: test-channel' -H 'Content-Type: application/json'`;
  const body = (more: string) => `-d '{"model":"Qwen3-8B",${more}"messages":[{"role":"user","content":"你好"}]}'`;
  return `
AI Gateway is running.

  dashboard       ${local('frontend')}
  gateway         ${local('gateway')}     (OpenAI base URL: ${local('gateway')}/v1)
  config center   ${local('config-center')}     (API: /docs)
  token service   ${local('token-service')}
  mock provider   ${local('mock-llm')}

  log in once     ${local('frontend')}/login?code=${loginCode}

Try it:
  curl ${chat} ${headers} ${body('')}
  curl -N ${chat} ${headers} ${body('"stream":true,"max_tokens":17,')}

Data and logs are in ${dataDir}. Ctrl-C stops everything.
`;
}

async function main(): Promise<void> {
  if (existsSync(join(ROOT, '.env'))) process.loadEnvFile(join(ROOT, '.env'));
  const dataDir = process.env.DATA_DIR || join(ROOT, 'data');
  const logDir = join(dataDir, 'logs');
  mkdirSync(logDir, { recursive: true, mode: 0o700 });
  await requireFreePorts();
  buildFrontend();
  for (const { name } of SERVICES) writeFileSync(join(logDir, `${name}.log`), '', { mode: 0o600 });

  const loginCode = process.env.LOGIN_CODE || randomBytes(24).toString('base64url');
  const services = supervisor(
    {
      ...secretsIn(dataDir),
      DATA_DIR: dataDir,
      DATABASE_URL: process.env.DATABASE_URL || `sqlite:${join(dataDir, 'config.db')}`,
      LOGIN_CODE: loginCode,
      CONFIG_CENTER_URL: urlOf('config-center'),
      TOKEN_SERVICE_URL: urlOf('token-service'),
      MOCK_LLM_URL: urlOf('mock-llm'),
      PUBLIC_URL: process.env.PUBLIC_URL || urlOf('frontend').replace('127.0.0.1', 'localhost'),
    },
    logDir,
  );
  const stop = (code: number) => void services.stop().then(() => process.exit(code));
  process.on('SIGINT', () => stop(0));
  process.on('SIGTERM', () => stop(0));
  // A closed terminal: the services have process groups of their own, so nobody else would end them.
  process.on('SIGHUP', () => stop(0));
  try {
    await Promise.all(SERVICES.map((service) => services.launch(service)));
    await gatewayReady();
    process.stdout.write(screen(loginCode, dataDir));
    await Promise.all(SERVICES.map((service) => services.watch(service)));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    stop(1);
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
