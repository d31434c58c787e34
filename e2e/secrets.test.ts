import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { ADMIN_API, type AdminRoute, type GatewayRow, type SecretsReport } from '@ai-gateway/contracts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../gateway/test/support/redis.ts';
import { ADMIN_TOKEN, eventually, type Process, SECRETS, startProcess } from './support/stack.ts';

const [oldKey, newKey] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
const LOGIN_CODE = randomBytes(24).toString('base64url');
const FIRST_SECRET = `sk-first-${randomBytes(24).toString('hex')}`;
const SECOND_SECRET = `sk-second-${randomBytes(24).toString('hex')}`;
const CLIENT_OWN = `sk-client-${randomBytes(24).toString('hex')}`;

let folder: string;
let redis: RedisServer;
let provider: Server;
let tokenService: Process;
let center: Process;
/** The first knows both master keys, the second only the old one. */
let gateways: Process[];
let virtualKey: string;
let providerKeyId: string;
let session: string;
const ended: Process[] = [];
/** What the provider was sent as a key. */
const seen: string[] = [];

const startCenter = (masterKeys: string) =>
  startProcess('config-center/src/main.ts', {
    CONFIG_CENTER_PORT: '0',
    LOG_LEVEL: 'trace',
    DATABASE_URL: `sqlite:${join(folder, 'config.db')}`,
    REDIS_URL: redis.url,
    TOKEN_SERVICE_URL: tokenService.url,
    SEED_DEMO: 'false',
    SECRETS_KEYS: masterKeys,
    LOGIN_CODE,
  });

const startGateway = (id: string, masterKeys: string) =>
  startProcess('gateway/src/main.ts', {
    GATEWAY_PORT: '0',
    GATEWAY_ID: id,
    LOG_LEVEL: 'trace',
    DATA_DIR: join(folder, id),
    CONFIG_CENTER_URL: center.url,
    TOKEN_SERVICE_URL: tokenService.url,
    REDIS_URL: redis.url,
    SECRETS_KEYS: masterKeys,
  });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'secrets-'));
  redis = await startRedis();
  provider = createServer((request, response) => {
    const secret = String(request.headers.authorization);
    seen.push(secret);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const isFault = Buffer.concat(chunks).toString().includes('provoke');
      const message = { role: 'assistant', content: 'hello' };
      const answer = { id: 'c', object: 'chat.completion', choices: [{ index: 0, message, finish_reason: 'stop' }] };
      const fault = { error: { message: `Incorrect API key provided: ${secret}` } };
      response.writeHead(isFault ? 400 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(isFault ? fault : answer));
    });
  });
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
  tokenService = await startProcess('token-service/src/main.ts', { TOKEN_SERVICE_PORT: '0', LOG_LEVEL: 'trace' });
  center = await startCenter(`old:${oldKey}`);
  gateways = [await startGateway('both', `new:${newKey},old:${oldKey}`), await startGateway('old', `old:${oldKey}`)];

  const login = await fetch(`${center.url}/api/v2/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code: LOGIN_CODE }),
  });
  session = /gw_session=([^;]+)/.exec(login.headers.get('set-cookie') ?? '')?.[1] ?? '';
  expect(session).not.toBe('');
  const namespace = await call('POST', '/namespaces', { code: 'closed', name: 'Closed', authMode: 'key' });
  await call('POST', '/matchers', { namespaceId: namespace.id, source: 'path', operator: 'starts_with', value: '/' });
  virtualKey = (await call<{ secret: string }>('POST', '/virtual-keys', { name: 'v' })).secret;
  const { id: providerId } = await call('POST', '/providers', { name: 'acme', models: ['m'] });
  const baseUrl = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
  await call('POST', '/upstreams', { providerId, baseUrl });
  const draft = { providerId, name: 'main', secret: FIRST_SECRET };
  providerKeyId = (await call('POST', '/provider-keys', draft)).id;
  await everywhere();
}, 60_000);
afterAll(async () => {
  await Promise.all([...(gateways ?? []), center, tokenService].map((process) => process?.stop('SIGKILL')));
  await redis?.close();
  provider?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function call<T = { id: string }>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${center.url}/api/v2${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as { message: string; data: T };
  if (!response.ok) throw new Error(`${method} ${path}: ${answer.message} ${JSON.stringify(answer.data)}`);
  return answer.data;
}

const rows = async () => (await call<{ items: GatewayRow[] }>('GET', '/gateways')).items;

function everywhere(): Promise<void> {
  return eventually(
    async () => (await rows()).filter(({ state }) => state === 'acknowledged').length === 2,
    'the newest rules at both gateways',
  );
}

function ask(gateway: Process | undefined, content = 'hi', key = virtualKey): Promise<Response> {
  return fetch(`${gateway?.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content }] }),
  });
}

it('sends the secret to the provider, and the new one once it is rotated', async () => {
  expect((await ask(gateways[0])).status).toBe(200);
  expect(seen).toEqual([`Bearer ${FIRST_SECRET}`]);
  await call('POST', `/provider-keys/${providerKeyId}/rotate`, { secret: SECOND_SECRET });
  await everywhere();
  expect((await ask(gateways[1])).status).toBe(200);
  expect(seen.at(-1)).toBe(`Bearer ${SECOND_SECRET}`);
});

it('does not tell a caller the secret that a provider repeats', async () => {
  const answer = await ask(gateways[0], 'provoke');
  const text = await answer.text();
  expect([answer.status, text]).toEqual([400, expect.stringContaining('Incorrect API key provided: Bearer [secret]')]);
  expect((await ask(gateways[0], 'hi', CLIENT_OWN)).status).toBe(401);
});

it('brings secrets under a new master key while requests run, and a gateway without it says so', async () => {
  await center.stop();
  ended.push(center);
  const url = new URL(center.url);
  center = await startProcess('config-center/src/main.ts', {
    CONFIG_CENTER_PORT: url.port,
    LOG_LEVEL: 'trace',
    DATABASE_URL: `sqlite:${join(folder, 'config.db')}`,
    REDIS_URL: redis.url,
    SEED_DEMO: 'false',
    SECRETS_KEYS: `new:${newKey},old:${oldKey}`,
  });
  expect(center.log()).toContain('secrets are under an older master key');

  const statuses: number[] = [];
  let isOver = false;
  const asking = (async () => {
    while (!isOver) statuses.push((await ask(gateways[0])).status);
  })();
  await eventually(() => statuses.length > 20, 'the first requests');
  const done = await call<SecretsReport & { rewrapped: number }>('POST', '/secrets/rotate');
  expect(done).toEqual({
    rewrapped: 1,
    masterKeys: [
      { id: 'new', state: 'current', secrets: 1 },
      { id: 'old', state: 'known', secrets: 0 },
    ],
  });
  await everywhere();
  const count = statuses.length;
  await eventually(() => statuses.length > count + 20, 'the last requests');
  isOver = true;
  await asking;
  expect(new Set(statuses)).toEqual(new Set([200]));
  expect(seen.at(-1)).toBe(`Bearer ${SECOND_SECRET}`);

  const reason = 'the master key "new" is not among SECRETS_KEYS';
  await eventually(async () => (await rows()).some(({ unusableKeys }) => unusableKeys.length > 0), 'the report');
  expect((await rows()).map(({ gatewayId, unusableKeys }) => [gatewayId, unusableKeys]).toSorted()).toEqual([
    ['both', []],
    ['old', [{ keyId: providerKeyId, provider: 'acme', reason }]],
  ]);
  const refused = await ask(gateways[1]);
  expect([refused.status, await refused.text()]).toEqual([503, expect.stringContaining('no API key for the provider')]);
  expect(gateways[1]?.log()).toContain('a provider key cannot be used');
}, 30_000);

it('keeps every secret out of SQL, Redis, snapshots, logs, metrics and answers', async () => {
  await ask(gateways[0]);
  // The log of requests is written in parts.
  await sleep(700);
  const places = {
    SQL: sqlDump(),
    'database files': filesIn(folder, (name) => name.startsWith('config.db')),
    Redis: await redisDump(),
    snapshots: ['both', 'old'].map((id) => filesIn(join(folder, id, 'gateway-rules'))).join('\n'),
    logs: [...gateways, ...ended, center, tokenService].map((process) => process.log()).join('\n'),
    metrics: await textsOf([...gateways, center, tokenService].map(({ url }) => `${url}/metrics`)),
    'inside of gateways': await textsOf(gateways.flatMap(({ url }) => [`${url}/stats`, `${url}/health`])),
    'answers of the API': await answersOfApi(),
  };
  // What is looked through is what it should be.
  for (const place of ['SQL', 'Redis', 'snapshots', 'logs', 'answers of the API'] as const) {
    expect(places[place], place).toContain(providerKeyId);
  }
  const secrets = {
    'virtual key': virtualKey,
    'provider key': FIRST_SECRET,
    'rotated provider key': SECOND_SECRET,
    'key of a client': CLIENT_OWN,
    session,
    'login code': LOGIN_CODE,
    'old master key': Buffer.from(oldKey, 'base64'),
    'new master key': Buffer.from(newKey, 'base64'),
    'gateway token': SECRETS.GATEWAY_TOKEN,
    pepper: SECRETS.KEY_PEPPER,
    'token of administrators': ADMIN_TOKEN,
  };
  const found = Object.entries(places).flatMap(([place, text]) =>
    Object.entries(secrets)
      .filter(([, secret]) => formsOf(secret).some((form) => text.includes(form)))
      .map(([secret]) => `${secret} in ${place}`),
  );
  expect(found).toEqual([]);
}, 30_000);

/** A secret in plain, in hex, and in base64 wherever it may begin inside of a longer text. */
function formsOf(secret: string | Buffer): string[] {
  const bytes = typeof secret === 'string' ? Buffer.from(secret) : secret;
  const base64 = [0, 1, 2].flatMap((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64url')
      .slice(4, -4);
    return [text, text.replaceAll('-', '+').replaceAll('_', '/')];
  });
  const plain = typeof secret === 'string' ? [secret] : [secret.toString('base64')];
  return [...plain, bytes.toString('hex'), ...base64];
}

it('would find a secret in each form', () => {
  const places = [
    FIRST_SECRET,
    Buffer.from(FIRST_SECRET).toString('hex'),
    ...['', 'x', 'xy'].map((before) => Buffer.from(`${before}${FIRST_SECRET} and more`).toString('base64')),
  ];
  for (const text of places) expect(formsOf(FIRST_SECRET).some((form) => text.includes(form))).toBe(true);
});

function sqlDump(): string {
  const database = new DatabaseSync(join(folder, 'config.db'), { readOnly: true });
  const tables = database.prepare("select name from sqlite_master where type = 'table'").all();
  const texts = tables.map(({ name }) => JSON.stringify(database.prepare(`select * from "${name}"`).all()));
  database.close();
  return texts.join('\n');
}

function filesIn(path: string, isMeant: (name: string) => boolean = () => true): string {
  const names = readdirSync(path).filter(isMeant);
  return names.map((name) => readFileSync(join(path, name), 'latin1')).join('\n');
}

async function redisDump(): Promise<string> {
  const client = redis.client();
  const readers: Record<string, (key: string) => Promise<unknown>> = {
    string: (key) => client.get(key),
    hash: (key) => client.hgetall(key),
    list: (key) => client.lrange(key, 0, -1),
    set: (key) => client.smembers(key),
    zset: (key) => client.zrange(key, '0', '-1', 'WITHSCORES'),
    stream: (key) => client.xrange(key, '-', '+'),
  };
  const texts = [];
  for (const key of await client.keys('*')) {
    texts.push(key, JSON.stringify(await readers[await client.type(key)]?.(key)));
  }
  return texts.join('\n').replaceAll('\\"', '"');
}

async function textsOf(urls: readonly string[]): Promise<string> {
  const texts = await Promise.all(urls.map(async (url) => (await fetch(url)).text()));
  return texts.join('\n');
}

/** Every list of the API, every row of it, and the revisions. */
async function answersOfApi(): Promise<string> {
  const groups = Object.values(ADMIN_API) as Record<string, AdminRoute>[];
  const paths = groups.flatMap((group) =>
    Object.values(group)
      .filter(({ method }) => method === 'get')
      .map(({ path }) => path),
  );
  const answers: string[] = [];
  async function read(path: string): Promise<unknown> {
    const response = await fetch(`${center.url}/api/v2${path}`, {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    const text = await response.text();
    answers.push(`${path} ${response.status}`, text);
    return JSON.parse(text).data;
  }
  for (const path of paths.filter((each) => !each.includes(':'))) {
    const { items = [] } = ((await read(path)) ?? {}) as { items?: { id?: string; revision?: number }[] };
    if (path === '/revisions') {
      for (const { revision = 0 } of items) await read(`${path}/${revision}`);
      for (const { revision = 0 } of items.slice(1)) await read(`${path}/${revision}/diff/${items[0]?.revision}`);
    }
    if (paths.includes(`${path}/:id`)) for (const { id } of items) await read(`${path}/${id}`);
  }
  return answers.join('\n');
}
