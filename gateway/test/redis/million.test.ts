import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { redisKeys } from '../../src/adapters/redis/keys.ts';
import { startRedis } from '../support/redis.ts';

const DECISIONS = Number(process.env.LIMIT_DECISIONS || 1_000_000);
const GATEWAYS = 3;
const CLIENTS_PER_GATEWAY = 67;
const KILL_EVERY_MS = 4_000;

const MAX_CONCURRENT = 20;
const MAX_QPS = 4_000;
const BURST = 200;
const WINDOW_SECONDS = 2;
const WINDOW_TOKENS = 900_000;
const RULES = [
  { kind: 'qps-limit', maxQps: MAX_QPS, burst: BURST },
  { kind: 'concurrency-limit', maxConcurrent: MAX_CONCURRENT },
  { kind: 'token-limit', windows: [{ windowSeconds: WINDOW_SECONDS, maxTokens: WINDOW_TOKENS }] },
];

interface Admission {
  readonly startUs: number;
  readonly endUs: number;
  readonly admittedMs: number;
  readonly tokens: number;
}

it(`admits nothing beyond any limit in ${DECISIONS.toLocaleString('en')} decisions of 201 clients, with gateways killed`, {
  timeout: 900_000,
}, async () => {
  const server = await startRedis();
  const folder = mkdtempSync(join(tmpdir(), 'decisions-'));
  const workers: ChildProcess[] = [];
  let kills = 0;
  try {
    const start = async () => {
      workers.push(await startWorker(server.url, join(folder, `${workers.length}`)));
    };
    for (let count = 0; count < GATEWAYS; count++) await start();
    while (read(folder).decisions < DECISIONS) {
      await sleep(KILL_EVERY_MS);
      const victim = workers[workers.length - 1 - (kills % GATEWAYS)];
      victim?.kill('SIGKILL');
      kills++;
      await start();
    }
    await Promise.all(workers.map(ended));

    const { decisions, admissions } = read(folder);
    process.stdout.write(`${decisions} decisions, ${admissions.length} admitted, ${kills} gateways killed\n`);
    expect(decisions).toBeGreaterThanOrEqual(DECISIONS);
    expect(kills).toBeGreaterThan(1);
    // Not one beyond, and the limit was really reached.
    expect(mostAtOnce(admissions)).toBe(MAX_CONCURRENT);
    expect(mostTokens(admissions, WINDOW_SECONDS * 1000)).toBeLessThanOrEqual(WINDOW_TOKENS);
    expect(largestExcess(admissions)).toBeLessThanOrEqual(0);

    const client = server.client();
    const { leases } = redisKeys('gw');
    const survivor = await startWorker(server.url, join(folder, 'reaper'), 0);
    await expect.poll(() => client.zcard(leases), { timeout: 60_000 }).toBe(0);
    await ended(survivor);
  } finally {
    for (const worker of workers) worker.kill('SIGKILL');
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

async function startWorker(url: string, path: string, clients = CLIENTS_PER_GATEWAY): Promise<ChildProcess> {
  const worker = spawn(
    process.execPath,
    [join(import.meta.dirname, '../support/decision-worker.ts'), url, path, String(clients), JSON.stringify(RULES)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await new Promise((resolve) => worker.stdout?.once('data', resolve));
  return worker;
}

async function ended(worker: ChildProcess): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return;
  const exit = new Promise((resolve) => worker.once('exit', resolve));
  worker.kill('SIGTERM');
  await exit;
}

/** What all workers have written down; a killed one may have torn its last record. */
function read(folder: string): { decisions: number; admissions: Admission[] } {
  let decisions = 0;
  const admissions: Admission[] = [];
  for (const name of readdirSync(folder)) {
    const bytes = readFileSync(join(folder, name));
    const numbers = new Float64Array(
      bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length - (bytes.length % 32)),
    );
    for (let at = 0; at < numbers.length; at += 4) {
      const [startUs = 0, endUs = 0, admittedMs = 0, tokens = 0] = numbers.subarray(at, at + 4);
      if (startUs === -1) decisions += endUs;
      else admissions.push({ startUs, endUs, admittedMs, tokens });
    }
  }
  return { decisions, admissions: admissions.sort((left, right) => left.admittedMs - right.admittedMs) };
}

/** Most requests that ran at one instant. */
function mostAtOnce(admissions: readonly Admission[]): number {
  const steps = admissions
    .flatMap(({ startUs, endUs }) => [
      { at: startUs, by: 1 },
      { at: endUs, by: -1 },
    ])
    .sort((left, right) => left.at - right.at || left.by - right.by);
  let running = 0;
  let most = 0;
  for (const { by } of steps) {
    running += by;
    most = Math.max(most, running);
  }
  return most;
}

/** Most tokens that were really used by requests admitted within any interval of the window's length. */
function mostTokens(admissions: readonly Admission[], windowMs: number): number {
  let sum = 0;
  let most = 0;
  let oldest = 0;
  for (const { admittedMs, tokens } of admissions) {
    sum += tokens;
    for (; (admissions[oldest]?.admittedMs ?? 0) <= admittedMs - windowMs; oldest++)
      sum -= admissions[oldest]?.tokens ?? 0;
    most = Math.max(most, sum);
  }
  return most;
}

/**
 * By how many requests any interval exceeds burst + w / T: with n(i) the number of an admission and t(i) its instant, the
 * greatest of n(j) - n(i) + 1 - burst - (t(j) - t(i)) / T over i <= j. Instants are whole ms, so one is allowed for.
 */
function largestExcess(admissions: readonly Admission[]): number {
  const perMs = MAX_QPS / 1000;
  let smallest = Number.POSITIVE_INFINITY;
  let largest = Number.NEGATIVE_INFINITY;
  for (const [number, { admittedMs }] of admissions.entries()) {
    smallest = Math.min(smallest, number - admittedMs * perMs);
    largest = Math.max(largest, number - (admittedMs + 1) * perMs - smallest + 1 - BURST);
  }
  return largest;
}
