import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort, type Process, type Stack, startStack } from '../e2e/support/stack.ts';
import { cpuUsOf } from './cpu.ts';

const SECONDS = Number(process.env.BENCH_SECONDS || 5);
const CONNECTIONS = 16;

const run = promisify(execFile);

interface Load {
  readonly name: string;
  readonly body: string;
}

interface Target {
  readonly name: string;
  readonly url: string;
  readonly channel: string;
  /** Processes whose CPU time counts. */
  readonly pids: readonly number[];
}

interface Figures {
  readonly target: string;
  readonly requestsPerSecond: number;
  readonly cpuUs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const PROMPT = 'word '.repeat(150);
const LOADS: readonly Load[] = [
  { name: '1 KB JSON', body: JSON.stringify({ model: 'Qwen3-8B', messages: [{ role: 'user', content: PROMPT }] }) },
  {
    name: 'stream of 100 events',
    body: JSON.stringify({
      model: 'Qwen3-8B',
      stream: true,
      messages: [{ role: 'user', content: `[mock words=100] ${PROMPT}` }],
    }),
  },
];

/** CPU time and added latency of the gateway, beside the mock alone and nginx, in one run. Ratios are what to read. */
export async function benchGateway(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  const stack = await startStack({ LOG_LEVEL: 'info' });
  const nginx = await startNginx(folder, stack.mock);
  try {
    await stack.channel('bare');
    await stack.channel('limited', [
      { kind: 'qps-limit', maxQps: 1_000_000 },
      { kind: 'concurrency-limit', maxConcurrent: 100_000 },
      {
        kind: 'message-matching',
        action: 'deny',
        condition: { source: 'header', field: 'x-block', operator: 'equals', value: 'yes' },
      },
    ]);
    await stack.channel('metered', [
      { kind: 'qps-limit', maxQps: 1_000_000 },
      { kind: 'concurrency-limit', maxConcurrent: 100_000 },
      {
        kind: 'token-limit',
        maxInputTokens: 100_000,
        maxOutputTokens: 4_000,
        windows: [{ windowSeconds: 3600, maxTokens: 1_000_000_000_000 }],
      },
    ]);
    await pin(stack);
    for (const load of LOADS) await measureLoad(load, stack, nginx, folder);
  } finally {
    await stopNginx(nginx.child);
    await stack.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureLoad(
  load: Load,
  stack: Stack,
  nginx: { url: string; pids: number[] },
  folder: string,
): Promise<void> {
  const gateway = { url: stack.gateway.url, pids: [stack.gateway.pid] };
  const targets: Target[] = [
    { name: 'mock alone', url: stack.mock.url, channel: '', pids: [stack.mock.pid] },
    { name: 'nginx proxy_pass', url: nginx.url, channel: '', pids: nginx.pids },
    { name: 'gateway, no policy', channel: 'bare', ...gateway },
    { name: 'gateway, qps + concurrency + message', channel: 'limited', ...gateway },
    { name: 'gateway, all policies, tokens counted', channel: 'metered', ...gateway },
  ];
  const rows: Figures[] = [];
  for (const target of targets) {
    await wrk(target, load, folder, 1);
    rows.push(await measure(target, load, folder));
  }
  print(load, rows);
}

async function measure(target: Target, load: Load, folder: string): Promise<Figures> {
  const before = cpuUsOf(target.pids);
  const { requests, failed, p50Ms, p99Ms } = await wrk(target, load, folder, SECONDS);
  if (failed > 0) throw new Error(`${target.name}: ${failed} answers were not 200`);
  const cpuUs = (cpuUsOf(target.pids) - before) / requests;
  return { target: target.name, requestsPerSecond: requests / SECONDS, cpuUs, p50Ms, p99Ms };
}

/** Runs wrk on the core that the proxies do not use. */
async function wrk({ url, channel }: Target, { body }: Load, folder: string, seconds: number) {
  const script = join(folder, 'load.lua');
  writeFileSync(
    script,
    `wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.headers["x-channel-code"] = "${channel}"
wrk.body = [==[${body}]==]
function done(summary, latency)
  io.write(string.format("RESULT %d %d %d %d\\n", summary.requests, summary.errors.status, latency:percentile(50), latency:percentile(99)))
end`,
  );
  const { stdout } = await run('taskset', [
    '-c',
    '1',
    'wrk',
    '-t1',
    `-c${CONNECTIONS}`,
    `-d${seconds}s`,
    '-s',
    script,
    `${url}/v1/chat/completions`,
  ]);
  const [requests = 0, failed = 0, p50 = 0, p99 = 0] = (/RESULT (.*)/.exec(stdout)?.[1] ?? '').split(' ').map(Number);
  return { requests, failed, p50Ms: p50 / 1000, p99Ms: p99 / 1000 };
}

/** The gateway alone on core 0, everything else on core 1. */
async function pin(stack: Stack): Promise<void> {
  await run('taskset', ['-apc', '0', String(stack.gateway.pid)]);
  for (const { pid } of [stack.mock, stack.tokenService, stack.configCenter])
    await run('taskset', ['-apc', '1', String(pid)]);
}

async function startNginx(folder: string, mock: Process) {
  const port = await freePort();
  const config = join(folder, 'nginx.conf');
  writeFileSync(
    config,
    `worker_processes 1; daemon off; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events { worker_connections 1024; }
http { access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
  upstream mock { server ${new URL(mock.url).host}; keepalive 64; }
  server { listen 127.0.0.1:${port}; location / { proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; } } }`,
  );
  const child = spawn('taskset', ['-c', '0', 'nginx', '-c', config, '-p', folder], { stdio: 'ignore' });
  await sleep(500);
  const master = Number(readFileSync(join(folder, 'nginx.pid'), 'utf8'));
  const { stdout } = await run('pgrep', ['-P', String(master)]);
  return { url: `http://127.0.0.1:${port}`, pids: stdout.trim().split('\n').map(Number), child };
}

async function stopNginx(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

function print(load: Load, rows: readonly Figures[]): void {
  const alone = rows[0];
  const nginx = rows[1];
  process.stdout.write(`\n${load.name}, ${CONNECTIONS} connections, ${SECONDS} s each, one core for the proxy\n\n`);
  process.stdout.write(
    '| | requests/s | CPU µs/request | × nginx | p50 ms | p99 ms | added p50 ms |\n|---|--:|--:|--:|--:|--:|--:|\n',
  );
  for (const { target, requestsPerSecond, cpuUs, p50Ms, p99Ms } of rows) {
    const ratio = (cpuUs / (nginx?.cpuUs ?? 1)).toFixed(1);
    const added = (p50Ms - (alone?.p50Ms ?? 0)).toFixed(2);
    process.stdout.write(
      `| ${target} | ${requestsPerSecond.toFixed(0)} | ${cpuUs.toFixed(0)} | ${ratio} | ${p50Ms.toFixed(2)} | ${p99Ms.toFixed(2)} | ${added} |\n`,
    );
  }
}
