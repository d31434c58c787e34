import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';

/** A connection with ioredis's defaults. */
export type RedisClient = Redis;

/** A real Redis server with data of its own. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  readonly pid: () => number;
  /** Another connection, with ioredis's defaults. */
  client(): Redis;
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again on its port; what it wrote to disk is there again. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** Starts redis-server on a free port of the loopback interface. */
export async function startRedis(options: readonly string[] = []): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'redis-'));
  const port = await freePort();
  const clients: Redis[] = [];
  let child = await launch(folder, port, options);

  function client(): Redis {
    const made = new Redis(port, '127.0.0.1');
    made.on('error', () => {});
    clients.push(made);
    return made;
  }

  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    pid: () => child.pid ?? 0,
    client,
    async kill(signal) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill(signal);
      if (signal === 'SIGKILL' || signal === 'SIGTERM') await ended;
    },
    async restart() {
      child = await launch(folder, port, options);
    },
    async close() {
      for (const made of clients) made.disconnect();
      if (child.exitCode === null && child.signalCode === null) {
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGKILL');
        await ended;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function launch(folder: string, port: number, options: readonly string[]): Promise<ChildProcess> {
  const base = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--daemonize', 'no'];
  const child = spawn('redis-server', [...base, ...options], { stdio: 'ignore' });
  const probe = new Redis({ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: () => 20 });
  probe.on('error', () => {});
  const deadline = performance.now() + 10_000;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`redis-server ended with code ${child.exitCode}`);
    if (performance.now() > deadline) throw new Error('redis-server did not come up in 10 s');
    try {
      if ((await probe.ping()) === 'PONG') break;
    } catch {
      await sleep(20);
    }
  }
  probe.disconnect();
  return child;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
