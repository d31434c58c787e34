import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createConnection } from 'mysql2/promise';

const ENVIRONMENT = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
const PASSWORD = 'pass@word/ü';

/** A MariaDB of a test's own, in a temporary folder on a free port of this host. */
export async function startMariadb(options: readonly string[] = []) {
  const folder = mkdtempSync(join(tmpdir(), 'mariadb-'));
  const data = join(folder, 'data');
  const { username } = userInfo();
  const common = ['--no-defaults', `--datadir=${data}`, `--user=${username}`];
  const made = spawnSync(
    'mariadb-install-db',
    [...common, '--auth-root-authentication-method=normal', '--skip-test-db'],
    { env: ENVIRONMENT, encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(`mariadb-install-db: ${made.stdout}${made.stderr}${made.error ?? ''}`);
  const port = await freePort();
  let server = await run();

  async function run(): Promise<ChildProcess> {
    const started = spawn(
      'mariadbd',
      [
        ...common,
        `--socket=${join(folder, 's')}`,
        `--pid-file=${join(folder, 'pid')}`,
        // Another server that starts deletes what lies in a temporary folder that both have.
        `--tmpdir=${folder}`,
        `--port=${port}`,
        '--bind-address=127.0.0.1',
        '--innodb-buffer-pool-size=32M',
        '--innodb-log-file-size=16M',
        // The server's own habits must not matter.
        '--character-set-server=latin1',
        '--sql-mode=',
        '--default-time-zone=+05:30',
        ...options,
      ],
      { env: ENVIRONMENT, stdio: 'ignore' },
    );
    await answers(port);
    return started;
  }

  async function query(text: string, database?: string): Promise<unknown> {
    const connection = await createConnection({ host: '127.0.0.1', port, user: 'root', ...(database && { database }) });
    try {
      return (await connection.query(text))[0];
    } finally {
      await connection.end();
    }
  }

  await query(`create user writer@'%' identified by '${PASSWORD}'`);
  return {
    port,
    /** Runs a statement as an operator would. */
    query,
    /** Makes an empty database, and gives its `DATABASE_URL`. */
    async database(name: string): Promise<string> {
      await query(`create database ${name}`);
      await query(`grant all on ${name}.* to writer@'%'`);
      return `mysql://writer:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/${name}`;
    },
    /** Ends the process at once, as a power failure would. */
    async kill(): Promise<void> {
      const ended = once(server, 'exit');
      server.kill('SIGKILL');
      await ended;
    },
    async restart(): Promise<void> {
      server = await run();
    },
    async stop(): Promise<void> {
      if (server.exitCode === null && server.signalCode === null) await this.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function answers(port: number): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    try {
      await (await createConnection({ host: '127.0.0.1', port, user: 'root' })).end();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  throw new Error('mariadbd does not answer');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
