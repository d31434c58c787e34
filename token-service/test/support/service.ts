import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** A token service of its own process. */
export interface Service {
  readonly url: string;
  /** Ends it by signal and throws when it does not end well. */
  stop(): Promise<void>;
}

/** Starts the service on a free port; rejects with what it says when it ends at once. */
export async function startService(env: Readonly<Record<string, string>> = {}): Promise<Service> {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../src/main.ts')], {
    env: { ...process.env, TOKEN_SERVICE_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const port = await new Promise<number>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${said}`)));
    child.stdout.on('data', (chunk: Buffer) => {
      const found = /"event":"listening","port":(\d+)/.exec(chunk.toString());
      if (found !== null) resolve(Number(found[1]));
    });
  });
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      const code = await ended;
      if (code !== 0) throw new Error(`ended with ${String(code)}: ${said}`);
    },
  };
}

export async function postTo(url: string, body: unknown) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(url, { method: 'POST', body: text });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
}

export async function get(url: string): Promise<Record<string, unknown>> {
  return (await (await fetch(url)).json()) as Record<string, unknown>;
}
