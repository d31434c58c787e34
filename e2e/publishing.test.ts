import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type GatewayRow, RULES_CHANNEL, RULES_KEY } from '@ai-gateway/contracts';
import { rulesSigner } from '@ai-gateway/contracts/secrets';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../gateway/test/support/redis.ts';
import { ADMIN_TOKEN, type Process, SECRETS, startProcess } from './support/stack.ts';

/** Two config centers on one database, a real Redis, and three gateways: two ask the first config center, one the second. */
let redis: RedisServer;
let tokenService: Process;
let centers: Process[];
let gateways: Process[];
let folder: string;
let namespaceId: string;

/** Longer than anything here takes; how long it did take is printed. A machine that is busy with other work takes longer. */
const BUSY_MS = 30_000;

const startCenter = () =>
  startProcess('config-center/src/main.ts', {
    CONFIG_CENTER_PORT: '0',
    DATA_DIR: folder,
    DATABASE_URL: `sqlite:${join(folder, 'config.db')}`,
    REDIS_URL: redis.url,
    SEED_DEMO: 'false',
  });

const startGateway = (index: number, center: Process | undefined) =>
  startProcess('gateway/src/main.ts', {
    GATEWAY_PORT: '0',
    GATEWAY_ID: `g${index}`,
    DATA_DIR: join(folder, `g${index}`),
    CONFIG_CENTER_URL: center?.url ?? 'http://127.0.0.1:2',
    TOKEN_SERVICE_URL: tokenService.url,
    REDIS_URL: redis.url,
  });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'publishing-'));
  redis = await startRedis();
  tokenService = await startProcess('token-service/src/main.ts', { TOKEN_SERVICE_PORT: '0' });
  centers = [await startCenter()];
  centers.push(await startCenter());
  gateways = await Promise.all([0, 1, 2].map((index) => startGateway(index, centers[index % 2])));
  ({ id: namespaceId } = await call('POST', '/namespaces', { code: 'changing', name: 'Changing', authMode: 'open' }));
  await within(5_000, everywhere, 'the first rules');
});
afterAll(async () => {
  await Promise.all([...gateways, ...centers, tokenService].map((process) => process.stop('SIGKILL')));
  await redis.close();
  rmSync(folder, { recursive: true, force: true });
});

async function call<T = { id: string }>(method: string, path: string, body?: unknown, center = 0): Promise<T> {
  const response = await fetch(`${centers[center]?.url}/api/v2${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as { message: string; data: T };
  if (!response.ok) throw new Error(`${method} ${path}: ${answer.message} ${JSON.stringify(answer.data)}`);
  return answer.data;
}

let changes = 0;
/** Changes the namespace, so that there is a new revision. */
const change = (center = 0) =>
  call(
    'PUT',
    `/namespaces/${namespaceId}`,
    { code: 'changing', name: `Changed ${++changes}`, authMode: 'open' },
    center,
  );

const gatewaysSeenBy = (center: number) =>
  call<{ items: GatewayRow[]; revision: number }>('GET', '/gateways', undefined, center);
const newest = async () => (await gatewaysSeenBy(0)).revision;

async function revisionOf({ url }: Process): Promise<number> {
  return ((await (await fetch(`${url}/stats`)).json()) as { revision: number }).revision;
}

async function everywhere(): Promise<boolean> {
  const revision = await newest();
  const revisions = await Promise.all(gateways.map(revisionOf));
  return revisions.every((one) => one === revision);
}

/** All gateways by every config center's account. */
async function seenByAll(): Promise<GatewayRow[]> {
  const seen = await Promise.all(centers.map((_, center) => gatewaysSeenBy(center)));
  expect(seen.map(({ items }) => items.length)).toEqual(centers.map(() => gateways.length));
  return seen.flatMap(({ items }) => items);
}

const acknowledged = async () => (await seenByAll()).every(({ state }) => state === 'acknowledged');

/** Waits until a condition holds; returns how long it took, ms. */
async function within(ms: number, holds: () => Promise<boolean>, what: string): Promise<number> {
  const startedAt = performance.now();
  while (!(await holds())) {
    if (performance.now() - startedAt > ms) throw new Error(`${what} did not come true in ${ms} ms`);
    await sleep(2);
  }
  return performance.now() - startedAt;
}

/** Puts rules into Redis as a config center does, but whatever they are. */
async function poison(rules: { revision: number; epoch?: string; sha256?: string; signature?: string; body: string }) {
  const sha256 = rules.sha256 ?? createHash('sha256').update(rules.body).digest('hex');
  const client = redis.client();
  const epoch = (await client.hget(RULES_KEY, 'epoch')) ?? '';
  const signed = rulesSigner(SECRETS.GATEWAY_TOKEN).sign({
    epoch: rules.epoch ?? epoch,
    revision: rules.revision,
    sha256,
  });
  const signature = rules.signature ?? signed;
  await client.hset(RULES_KEY, { epoch, revision: rules.revision, sha256, signature, body: rules.body });
  await client.publish(RULES_CHANNEL, String(rules.revision));
}

it('brings 100 changes to all gateways, and shows that they are there', async () => {
  const times: number[] = [];
  for (let count = 0; count < 100; count++) {
    const startedAt = performance.now();
    await change(count % 2);
    const revision = (await gatewaysSeenBy(count % 2)).revision;
    await within(
      BUSY_MS,
      async () => (await Promise.all(gateways.map(revisionOf))).every((one) => one >= revision),
      'the change',
    );
    times.push(performance.now() - startedAt);
  }
  times.sort((left, right) => left - right);
  const acknowledgedAfter = await within(BUSY_MS, acknowledged, 'the acknowledgements');
  const at = (share: number) => times[Math.ceil(share * times.length) - 1]?.toFixed(0);
  process.stdout.write(
    `change sent to live on 3 gateways: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms; ` +
      `acknowledged at both config centers after ${acknowledgedAfter.toFixed(0)} ms more\n`,
  );
  const { items } = await gatewaysSeenBy(0);
  expect(items.map(({ gatewayId }) => gatewayId).sort()).toEqual(['g0', 'g1', 'g2']);
  for (const { rulesAgeSeconds } of items) expect(rulesAgeSeconds).toBeLessThan(4);
});

it('loses no change when a message is lost', async () => {
  const client = redis.client();
  // Nobody may subscribe or publish, so no message comes through.
  await client.call('ACL', 'SETUSER', 'default', 'resetchannels');
  const times: number[] = [];
  for (let count = 0; count < 5; count++) {
    await change();
    times.push(await within(BUSY_MS, everywhere, 'the change without a message'));
  }
  process.stdout.write(`without messages: live after ${times.map((time) => time.toFixed(0)).join(', ')} ms\n`);
  await client.call('ACL', 'SETUSER', 'default', 'allchannels');
  // Everybody connects, and subscribes, again.
  await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await change();
  await within(BUSY_MS, everywhere, 'the next change');
});

it('writes the rules again when Redis was wiped', async () => {
  await redis.client().flushall();
  const took = await within(BUSY_MS, async () => (await redis.client().exists(RULES_KEY)) === 1, 'the rules in Redis');
  process.stdout.write(`Redis wiped: rules there again after ${took.toFixed(0)} ms\n`);
  await change();
  await within(BUSY_MS, everywhere, 'the change');
});

it.each([
  ['does not match its hash', 'does not match its sha256', () => ({ body: '{}', sha256: '0'.repeat(64) })],
  ['is not valid', 'is not valid', () => ({ epoch: 'x', body: JSON.stringify({ epoch: 'x', revision: 1 }) })],
  ['is no JSON', 'JSON', () => ({ body: 'rules' })],
  [
    'was written by hand',
    'not signed',
    (rules: Record<string, unknown>) => ({
      signature: '0'.repeat(64),
      body: JSON.stringify({ ...rules, revision: 100_000, policies: [] }),
    }),
  ],
  [
    'has the signature of another',
    'not signed',
    (rules: Record<string, unknown>) => ({
      signature: rulesSigner('another token').sign({ epoch: String(rules.epoch), revision: 100_000, sha256: '' }),
      body: JSON.stringify({ ...rules, revision: 100_000, policies: [] }),
    }),
  ],
  [
    'does not compile',
    'Matcher poison',
    (rules: Record<string, unknown>) => ({
      body: JSON.stringify({
        ...rules,
        revision: 100_000,
        matchers: [
          {
            id: 'poison',
            namespaceId,
            source: 'path',
            field: '',
            operator: 'regex',
            value: '(',
            priority: 1,
            isEnabled: true,
          },
        ],
      }),
    }),
  ],
])(
  'refuses a rule set in Redis that %s, keeps the last good one, and is healed',
  async (_name, reason, poisoned) => {
    const before = await newest();
    const good = JSON.parse((await redis.client().hget(RULES_KEY, 'body')) ?? '');
    const isRefused = ({ revision, state, refusedRevision }: GatewayRow) =>
      revision === before && state === 'refused' && refusedRevision?.reason.includes(reason) === true;
    // Either config center may heal it before both have heard of it; not three times in a row.
    const shown = async () => {
      await poison({ revision: 100_000, ...poisoned(good) });
      return within(3_000, async () => (await seenByAll()).every(isRefused), 'the refusals');
    };
    await shown().catch(shown).catch(shown);
    // A config center compares Redis with SQL every ten seconds.
    await within(BUSY_MS, acknowledged, 'the good rules');
  },
  30_000,
);

it('has the rules from the config center while Redis is away, and from Redis again after it', async () => {
  await redis.kill('SIGKILL');
  await change();
  const took = await within(5_000, everywhere, 'the change over HTTP');
  process.stdout.write(`Redis down: a change is live over HTTP after ${took.toFixed(0)} ms\n`);
  await change();
  await within(BUSY_MS, everywhere, 'the next change over HTTP');
  await redis.restart();
  await within(BUSY_MS, async () => (await redis.client().exists(RULES_KEY)) === 1, 'the rules in Redis');
  await change();
  await within(BUSY_MS, everywhere, 'the change over Redis');
});

it('converges when two config centers make 200 revisions at once', async () => {
  const before = await newest();
  const policy = (center: number, count: number) =>
    call(
      'POST',
      '/policies',
      { namespaceId, name: `${center} ${count}`, rule: { kind: 'concurrency-limit', maxConcurrent: 1_000 } },
      center,
    );
  await Promise.all(
    [0, 1].map(async (center) => {
      for (let count = 0; count < 100; count++) await policy(center, count);
    }),
  );
  const took = await within(BUSY_MS, everywhere, 'the last revision');
  expect(await newest()).toBe(before + 200);
  await within(BUSY_MS, acknowledged, 'the acknowledgements');
  const held = JSON.parse((await redis.client().hget(RULES_KEY, 'body')) ?? '');
  expect(held.revision).toBe(before + 200);
  expect(held.policies).toHaveLength(200);
  process.stdout.write(`200 revisions from two config centers: converged ${took.toFixed(0)} ms after the last\n`);
});

// The last one: it leaves neither config centers nor Redis.
it('starts from its snapshot without config center and Redis, and from the one before when that is damaged', async () => {
  const last = await newest();
  await change();
  await within(BUSY_MS, everywhere, 'the change');
  // A gateway can reach none of the config centers, but Redis: they show it all the same.
  await gateways[2]?.stop();
  gateways[2] = await startGateway(2, undefined);
  await within(5_000, acknowledged, 'the acknowledgement through Redis');

  await Promise.all([...centers.map((center) => center.stop('SIGKILL')), redis.kill('SIGKILL')]);
  await gateways[0]?.stop('SIGKILL');
  gateways[0] = await startGateway(0, undefined);
  expect(await revisionOf(gateways[0])).toBe(last + 1);
  expect((await fetch(`${gateways[0].url}/readyz`)).status).toBe(200);

  await gateways[0].stop('SIGKILL');
  const snapshots = join(folder, 'g0/gateway-rules');
  writeFileSync(join(snapshots, readdirSync(snapshots).sort().at(-1) ?? ''), 'damaged');
  gateways[0] = await startGateway(0, undefined);
  expect(await revisionOf(gateways[0])).toBe(last);
});
