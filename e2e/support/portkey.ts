import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/**
 * What is loaded before Portkey. Its server would listen on every address: here it gets a free port of this host alone,
 * and says which. With the packages that npm installs for release 1.15.2, it answers 500 to every stream, since it adds
 * headers to the answers of `fetch`, which are immutable; so they come as copies.
 * https://github.com/Portkey-AI/gateway/issues/1389
 */
const PRELOADED = `
  import net from 'node:net';
  const { listen } = net.Server.prototype;
  net.Server.prototype.listen = function () {
    this.once('listening', () => console.log('port ' + this.address().port));
    return listen.call(this, 0, '127.0.0.1');
  };
  const { fetch, Response } = globalThis;
  globalThis.fetch = async (...request) => {
    const { body, status, statusText, headers } = await fetch(...request);
    return new Response(body, { status, statusText, headers: new Headers(headers) });
  };`;

/** The Portkey gateway as its npm package starts it. */
export async function startPortkey() {
  const server = join(dirname(require.resolve('@portkey-ai/gateway/package.json')), 'build/start-server.js');
  const preload = `data:text/javascript,${encodeURIComponent(PRELOADED)}`;
  const child = spawn(process.execPath, ['--import', preload, server, '--headless'], {
    env: { PATH: process.env.PATH, NODE_ENV: 'production' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const port = await new Promise<string>((resolve, reject) => {
    const note = (chunk: Buffer) => {
      log += chunk.toString();
      const found = /port (\d+)/.exec(log)?.[1];
      if (found !== undefined) resolve(found);
    };
    child.stdout.on('data', note);
    child.stderr.on('data', note);
    void exited.then(() => reject(new Error(`Portkey ended:\n${log}`)));
  });
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
