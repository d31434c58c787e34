import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RequestView } from '@ai-gateway/contracts';
import { openStore, type Store } from '../config-center/src/db/store.ts';
import { fingerprintOf } from '../config-center/src/publish/hand-edits.ts';
import { startMariadb } from '../config-center/test/support/mariadb.ts';
import { ADMIN_TOKEN, type Process, startProcess } from '../e2e/support/stack.ts';
import { compileSnapshot } from '../gateway/src/domain/compile-snapshot.ts';
import { selectMatcher } from '../gateway/src/domain/select-namespace.ts';
import { startRedis } from '../gateway/test/support/redis.ts';
import { cpuUsOf, megabytesOf } from './cpu.ts';
import { percentile, printHead, printRow, rounded } from './figures.ts';
import { manyRules, seedRules } from './publishing/many-rules.ts';

const NAMESPACES = Number(process.env.BENCH_NAMESPACES || 10_000);
const CHANGES = Number(process.env.BENCH_CHANGES || 30);
const WARM_UP = 3;
const GATEWAYS = 3;

/** How long a change takes from the API to every gateway when there are very many rules, and what they cost there. */
export async function benchPublishing(): Promise<void> {
  printHead(`A change among ${NAMESPACES} namespaces with 5 policies, a matcher and a key each, ${GATEWAYS} gateways`, {
    names: ['database'],
    figures: [
      'answered p50 ms',
      'live p50',
      'live p99',
      'acknowledged p50',
      'acknowledged p99',
      'request p50, meanwhile',
      'p99',
      'longest',
      'config center MB, empty',
      'with rules',
      'gateway MB, empty',
      'with rules',
      'start of a gateway ms',
      'look for edits ms',
      'CPU ms/change, config center',
      'a gateway',
    ],
  });
  await measureOn('SQLite', async (folder) => ({ url: `sqlite:${join(folder, 'rules.db')}`, stop: async () => {} }));
  await measureOn('MariaDB', async () => {
    const mariadb = await startMariadb();
    return { url: await mariadb.database('rules'), stop: mariadb.stop.bind(mariadb) };
  });
  measureMatching();
}

interface Database {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

async function measureOn(name: string, makeDatabase: (folder: string) => Promise<Database>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-publishing-'));
  const database = await makeDatabase(folder);
  const redis = await startRedis();
  const processes: Process[] = [];
  const start = async (entry: string, environment: Record<string, string>) => {
    const started = await startProcess(entry, { REDIS_URL: redis.url, ...environment });
    processes.push(started);
    return started;
  };
  const startCenter = () =>
    start('config-center/src/main.ts', { CONFIG_CENTER_PORT: '0', DATABASE_URL: database.url, SEED_DEMO: 'false' });
  try {
    const tokenService = await startProcess('token-service/src/main.ts', { TOKEN_SERVICE_PORT: '0' });
    processes.push(tokenService);
    const startGateway = (index: number, center: Process) =>
      start('gateway/src/main.ts', {
        GATEWAY_PORT: '0',
        GATEWAY_ID: `g${index}`,
        DATA_DIR: join(folder, `g${index}`),
        CONFIG_CENTER_URL: center.url,
        TOKEN_SERVICE_URL: tokenService.url,
      });
    const empty = await startCenter();
    const idle = await startGateway(GATEWAYS, empty);
    await sleep(3_000);
    const emptyMb = [megabytesOf(empty.pid), megabytesOf(idle.pid)];
    await idle.stop();
    await empty.stop();

    const store = await openStore(database.url);
    await seedRules(store, NAMESPACES);
    const center = await startCenter();
    const startedAt = performance.now();
    const gateways = [await startGateway(0, center)];
    await untilAll(gateways, await newestOf(center));
    const startMs = performance.now() - startedAt;
    for (let index = 1; index < GATEWAYS; index++) gateways.push(await startGateway(index, center));
    await untilAll(gateways, await newestOf(center));
    await sleep(3_000);
    const cpuBefore = [cpuUsOf([center.pid]), cpuUsOf(gateways.map(({ pid }) => pid))];
    const times = await changeMany(center, gateways);
    const cpuAfter = [cpuUsOf([center.pid]), cpuUsOf(gateways.map(({ pid }) => pid))];
    const cpuMs = (index: number) => ((cpuAfter[index] ?? 0) - (cpuBefore[index] ?? 0)) / 1000 / (CHANGES + WARM_UP);
    await sleep(3_000);
    const at = (figures: readonly number[], share: number) =>
      rounded(
        percentile(
          figures.toSorted((left, right) => left - right),
          share,
        ),
      );
    printRow([
      name,
      at(times.answered, 0.5),
      at(times.live, 0.5),
      at(times.live, 0.99),
      at(times.acknowledged, 0.5),
      at(times.acknowledged, 0.99),
      at(times.requests, 0.5),
      at(times.requests, 0.99),
      at(times.requests, 1),
      rounded(emptyMb[0] ?? 0),
      rounded(megabytesOf(center.pid)),
      rounded(emptyMb[1] ?? 0),
      rounded(Math.max(...gateways.map(({ pid }) => megabytesOf(pid)))),
      rounded(startMs),
      rounded(await lookMs(store)),
      rounded(cpuMs(0)),
      rounded(cpuMs(1) / GATEWAYS),
    ]);
    await store.close();
  } finally {
    await Promise.all(processes.map((process) => process.stop('SIGKILL')));
    await redis.close();
    await database.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Changes one policy after the other while requests come in. */
async function changeMany(center: Process, gateways: readonly Process[]) {
  const answered: number[] = [];
  const live: number[] = [];
  const acknowledged: number[] = [];
  const requests: number[] = [];
  let isDone = false;
  const asking = gateways.map(async ({ url }) => {
    while (!isDone) {
      const startedAt = performance.now();
      await (await fetch(`${url}/v1/models`, { headers: { 'x-channel-code': 'bench-7' } })).text();
      requests.push(performance.now() - startedAt);
      await sleep(10);
    }
  });
  for (let count = -WARM_UP; count < CHANGES; count++) {
    const startedAt = performance.now();
    const policy = { ...policyAt(count + 10), name: `Changed ${count}` };
    await call(center, 'PUT', `/policies/${policy.id}`, { ...policy, id: undefined });
    const answeredMs = performance.now() - startedAt;
    const revision = await newestOf(center);
    await untilAll(gateways, revision);
    const liveMs = performance.now() - startedAt;
    await untilAcknowledged(center);
    if (count >= 0) {
      answered.push(answeredMs);
      live.push(liveMs);
      acknowledged.push(performance.now() - startedAt);
    } else requests.length = 0;
    await sleep(300);
  }
  isDone = true;
  await Promise.all(asking);
  return { answered, live, acknowledged, requests };
}

function policyAt(index: number) {
  const policy = manyRules(index + 1).policies[index * 5];
  if (policy === undefined) throw new Error('There is no such policy.');
  return policy;
}

async function untilAll(gateways: readonly Process[], revision: number): Promise<void> {
  for (const { url } of gateways) {
    for (;;) {
      const stats = (await (await fetch(`${url}/health`)).json()) as { revision?: number };
      if ((stats.revision ?? -1) >= revision) break;
      await sleep(5);
    }
  }
}

interface GatewayList {
  readonly revision: number;
  readonly items: readonly { readonly state: string }[];
}

async function untilAcknowledged(center: Process): Promise<void> {
  for (;;) {
    const { items } = await call<GatewayList>(center, 'GET', '/gateways');
    if (items.filter(({ state }) => state === 'acknowledged').length >= GATEWAYS) return;
    await sleep(5);
  }
}

const newestOf = async (center: Process) => (await call<GatewayList>(center, 'GET', '/gateways')).revision;

async function call<T>(center: Process, method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${center.url}/api/v2${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as { message: string; data: T };
  if (!response.ok) throw new Error(`${method} ${path}: ${answer.message} ${JSON.stringify(answer.data)}`);
  return answer.data;
}

/** What a look for rows edited by hand costs the database, ms. */
async function lookMs(store: Store): Promise<number> {
  const startedAt = performance.now();
  for (let count = 0; count < 5; count++) await fingerprintOf(store.connection);
  return (performance.now() - startedAt) / 5;
}

/** Cost of finding the namespace of a request, by the number of namespaces. */
function measureMatching(): void {
  printHead('Finding the namespace of a request', { names: ['namespaces'], figures: ['ns/request'] });
  for (const count of [10, 1_000, 10_000, 10, 1_000, 10_000]) {
    const config = compileSnapshot({ epoch: 'bench', revision: 1, createdAt: '', ...manyRules(count) });
    const views = Array.from({ length: 10 }, (_, index) => viewOf(`bench-${Math.floor((index * count) / 10)}`));
    const times: number[] = [];
    for (let round = 0; round < 20; round++) {
      const startedAt = performance.now();
      for (let index = 0; index < 100_000; index++) selectMatcher(config, views[index % 10] as RequestView);
      times.push((performance.now() - startedAt) * 10);
    }
    printRow([String(count), rounded(times.toSorted((left, right) => left - right)[10] ?? 0)]);
  }
}

function viewOf(channel: string): RequestView {
  return {
    headers: { 'x-channel-code': channel },
    query: new URLSearchParams(),
    path: '/v1/chat/completions',
    body: { model: 'm', messages: [] },
  };
}
