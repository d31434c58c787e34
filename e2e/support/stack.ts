import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const ROOT = join(import.meta.dirname, '../..');

export const ADMIN_TOKEN = 'admin-token-of-the-tests-0123456789abcdef';
export const SECRETS = {
  ADMIN_TOKEN,
  GATEWAY_TOKEN: 'gateway-token-of-the-tests-0123456789abcdef',
  KEY_PEPPER: 'key-pepper-of-the-tests-0123456789abcdef',
  SECRETS_KEYS: `tests:${Buffer.alloc(32, 7).toString('base64')}`,
};

/** A running process of ours: where it listens and what it logged. */
export interface Process {
  readonly url: string;
  readonly pid: number;
  readonly log: () => string;
  readonly child: ChildProcess;
  /** Ends it and waits; returns the exit code, or null after a signal. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts a service on a free port (or a given one) and waits until it listens. */
export function startProcess(entry: string, environment: Record<string, string>): Promise<Process> {
  const child = spawn(process.execPath, ['--disable-warning=DEP0060', join(ROOT, entry)], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, ...SECRETS, LOG_LEVEL: 'info', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return new Promise((resolve, reject) => {
    const note = (chunk: Buffer) => {
      log += chunk.toString();
      const found = /"event":"listening".*?"port":(\d+)/.exec(log);
      if (found === null || child.pid === undefined) return;
      resolve({
        url: `http://127.0.0.1:${found[1]}`,
        pid: child.pid,
        log: () => log,
        child,
        stop(signal = 'SIGTERM') {
          child.kill(signal);
          return exited;
        },
      });
    };
    child.stdout.on('data', note);
    child.stderr.on('data', note);
    void exited.then((code) => reject(new Error(`${entry} ended with code ${code}:\n${log}`)));
  });
}

/** All processes of the product, on free ports, with data of their own. */
export interface Stack {
  readonly mock: Process;
  readonly tokenService: Process;
  readonly configCenter: Process;
  readonly gateway: Process;
  readonly dataDir: string;
  /** Calls the control plane as the automation administrator and returns `data`; fails on any error. */
  admin<T = { id: string }>(method: string, path: string, body?: unknown): Promise<T>;
  /** Makes an open namespace with a matcher on X-Channel-Code and the given policy rules; waits until it is live. */
  channel(code: string, rules?: readonly object[], namespace?: object): Promise<{ id: string; policyIds: string[] }>;
  /** Waits until the gateway runs the newest rules; returns how long it took, ms. */
  live(): Promise<number>;
  stats(): Promise<Stats>;
  /** Starts one more gateway, with data of its own, and waits until it runs the newest rules. */
  addGateway(environment?: Record<string, string>): Promise<Process>;
  /** Replaces the running gateway by a new one. */
  restartGateway(signal?: NodeJS.Signals): Promise<void>;
  close(): Promise<void>;
}

/** What `/stats` says. */
export interface Stats {
  readonly revision: number;
  readonly namespaces: readonly {
    namespace: string;
    requests: number;
    inFlight: number;
    inputTokens: number;
    outputTokens: number;
  }[];
  readonly limits: readonly { policyId: string; kind: string; current: number; limit: number }[];
}

/** Starts mock-llm, token service, config center and gateway. */
export async function startStack(
  gatewayEnvironment: Record<string, string> = {},
  configCenterEnvironment: (mockUrl: string) => Record<string, string> = () => ({}),
): Promise<Stack> {
  const dataDir = mkdtempSync(join(tmpdir(), 'ai-gateway-'));
  const [mock, tokenService] = await Promise.all([
    startProcess('mock-llm/src/main.ts', { MOCK_LLM_PORT: '0' }),
    startProcess('token-service/src/main.ts', { TOKEN_SERVICE_PORT: '0' }),
  ]);
  const configCenter = await startProcess('config-center/src/main.ts', {
    CONFIG_CENTER_PORT: '0',
    DATA_DIR: dataDir,
    DATABASE_URL: `sqlite:${join(dataDir, 'config.db')}`,
    MOCK_LLM_URL: mock.url,
    TOKEN_SERVICE_URL: tokenService.url,
    ...configCenterEnvironment(mock.url),
  });
  const startGateway = (environment: Record<string, string> = {}) =>
    startProcess('gateway/src/main.ts', {
      GATEWAY_PORT: '0',
      CONFIG_CENTER_URL: configCenter.url,
      TOKEN_SERVICE_URL: tokenService.url,
      DATA_DIR: dataDir,
      ...gatewayEnvironment,
      ...environment,
    });
  let gateway = await startGateway();
  const others: Process[] = [];

  async function admin<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${configCenter.url}/api/v2${path}`, {
      method,
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as { message: string; data: T };
    if (!response.ok) throw new Error(`${method} ${path}: ${answer.message} ${JSON.stringify(answer.data)}`);
    return answer.data;
  }

  const statsOf = async ({ url }: Process) => (await (await fetch(`${url}/stats`)).json()) as Stats;
  const stats = () => statsOf(gateway);

  async function live(): Promise<number> {
    const started = performance.now();
    for (;;) {
      const { revision } = await admin<{ revision: number }>('GET', '/gateways');
      const running = [gateway, ...others].filter(({ child }) => child.exitCode === null && child.signalCode === null);
      const all = await Promise.all(running.map(statsOf));
      if (all.every((one) => one.revision === revision)) return performance.now() - started;
      if (performance.now() - started > 30_000) throw new Error('the rules did not become live');
      await sleep(5);
    }
  }

  const stack: Stack = {
    mock,
    tokenService,
    configCenter,
    get gateway() {
      return gateway;
    },
    dataDir,
    admin,
    stats,
    live,
    async channel(code, rules = [], namespace = {}) {
      const { id } = await admin<{ id: string }>('POST', '/namespaces', {
        code,
        name: code,
        authMode: 'open',
        ...namespace,
      });
      await admin('POST', '/matchers', {
        namespaceId: id,
        source: 'header',
        field: 'X-Channel-Code',
        operator: 'equals',
        value: code,
      });
      const policyIds: string[] = [];
      for (const [index, rule] of rules.entries()) {
        policyIds.push(
          (await admin<{ id: string }>('POST', '/policies', { namespaceId: id, name: `${code} ${index}`, rule })).id,
        );
      }
      await live();
      return { id, policyIds };
    },
    async addGateway(environment = {}) {
      const name = `other-${others.length}`;
      const other = await startGateway({ GATEWAY_ID: name, DATA_DIR: join(dataDir, name), ...environment });
      others.push(other);
      await live();
      return other;
    },
    async restartGateway(signal) {
      await gateway.stop(signal);
      gateway = await startGateway();
    },
    async close() {
      const all = [gateway, ...others, configCenter, tokenService, mock];
      await Promise.all(all.map((process) => process.stop('SIGKILL')));
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
  await live();
  return stack;
}

/** Waits until a condition holds; fails after five seconds. */
export async function eventually(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`${what} did not come true`);
    await sleep(20);
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
