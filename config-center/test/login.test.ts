import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { fingerprintOf, listKeys } from '../src/auth/administrator-keys.ts';
import { BUILT_IN, ensureBuiltIn } from '../src/auth/administrators.ts';
import { ensureFirstKey } from '../src/auth/first-key.ts';
import { openStore } from '../src/db/store.ts';
import { type CenterOptions, startConfigCenter } from './support/config-center.ts';

type Center = Awaited<ReturnType<typeof startConfigCenter>>;

const STRANGER = { authorization: '' };
const PASSWORD = 'a long enough password';
const opened: { close: () => Promise<void> }[] = [];
let nowMs = Date.now();

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

async function start(options: CenterOptions = {}): Promise<Center> {
  const center = await startConfigCenter({ nowMs: () => nowMs, ...options });
  opened.push(center);
  return center;
}

function newKey() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64');
  return { privateKey, publicKey: raw, fingerprint: fingerprintOf(raw) };
}

async function addKey(center: Center, administratorId = BUILT_IN) {
  const key = newKey();
  const { publicKey } = key;
  const added = await center.call('POST', '/api/v2/administrator-keys', { administratorId, publicKey });
  expect(added).toMatchObject({ status: 201, body: { data: { fingerprint: key.fingerprint, isEnabled: true } } });
  return key;
}

const challengeOf = async (center: Center, fingerprint: string) =>
  (await center.call('POST', '/api/v2/session/challenge', { fingerprint }, STRANGER)).body.data;

function signed(privateKey: KeyObject, nonce: string): string {
  return sign(null, Buffer.concat([Buffer.from('gateway-auth:'), Buffer.from(nonce, 'base64')]), privateKey).toString(
    'base64',
  );
}

async function keyLogin(center: Center, { privateKey, fingerprint }: ReturnType<typeof newKey>) {
  const { challengeId, nonce } = await challengeOf(center, fingerprint);
  const answer = { challengeId, fingerprint, signature: signed(privateKey, nonce) };
  return center.call('POST', '/api/v2/session/verify', answer, STRANGER);
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

async function codeLogin(center: Center, code: string, headers = {}) {
  const answer = await center.call('POST', '/api/v2/session', { code }, { ...STRANGER, ...headers });
  return { ...answer, cookie: (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '' };
}

describe('a private key', () => {
  it('logs in for twelve hours as its administrator, whose name is in the audit log and on the revision', async () => {
    const center = await start();
    const { id } = (await center.call('POST', '/api/v2/administrators', { name: 'Ada', role: 'operator' })).body.data;
    const key = await addKey(center, id);
    const challenge = await challengeOf(center, key.fingerprint);
    expect(challenge).toEqual({
      challengeId: expect.stringMatching(/^\w{48}$/),
      nonce: expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/),
      expiresAt: new Date(nowMs + 120_000).toISOString(),
      alg: 'ed25519',
    });
    const { body } = await keyLogin(center, key);
    expect(body.data).toEqual({
      token: expect.stringMatching(/^[\w-]{43}$/),
      expiresAt: new Date(nowMs + 12 * 3_600_000).toISOString(),
      fingerprint: key.fingerprint,
    });
    const ada = bearer(body.data.token);
    await center.call('POST', '/api/v2/namespaces', { code: 'adas', name: 'Hers' }, ada);
    const audit = await center.call('GET', '/api/v2/audit?actor=Ada');
    expect(audit.body.data.items.map(({ kind }: { kind: string }) => kind)).toEqual(['namespace', 'session']);
    expect((await center.call('GET', '/api/v2/revisions')).body.data.items[0].actor).toBe('Ada');

    nowMs += 12 * 3_600_000 - 1;
    expect((await center.call('GET', '/api/v2/session', undefined, ada)).body.data.administrator).toBe('Ada');
    nowMs += 1;
    expect((await center.call('GET', '/api/v2/session', undefined, ada)).status).toBe(401);
  });

  it('has one try per challenge, also after a failure, and 120 seconds', async () => {
    const center = await start();
    const key = await addKey(center);
    const { challengeId, nonce } = await challengeOf(center, key.fingerprint);
    const verify = (signature: string, id = challengeId) =>
      center.call(
        'POST',
        '/api/v2/session/verify',
        { challengeId: id, fingerprint: key.fingerprint, signature },
        STRANGER,
      );
    expect((await verify('AAAA')).status).toBe(401);
    expect((await verify(signed(key.privateKey, nonce))).status).toBe(401);

    const late = await challengeOf(center, key.fingerprint);
    nowMs += 120_000;
    expect((await verify(signed(key.privateKey, late.nonce), late.challengeId)).status).toBe(401);

    const twice = await challengeOf(center, key.fingerprint);
    const signature = signed(key.privateKey, twice.nonce);
    const answers = await Promise.all(Array.from({ length: 5 }, () => verify(signature, twice.challengeId)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it('must be the one of the challenge and have signed its purpose; an unknown one learns nothing', async () => {
    const center = await start();
    const [key, other] = [await addKey(center), await addKey(center)];
    const stranger = newKey();
    const { nonce, challengeId } = await challengeOf(center, key.fingerprint);
    const byOther = { challengeId, fingerprint: other.fingerprint, signature: signed(other.privateKey, nonce) };
    expect((await center.call('POST', '/api/v2/session/verify', byOther, STRANGER)).status).toBe(401);

    const bare = await challengeOf(center, key.fingerprint);
    const signature = sign(null, Buffer.from(bare.nonce, 'base64'), key.privateKey).toString('base64');
    const withoutPurpose = { challengeId: bare.challengeId, fingerprint: key.fingerprint, signature };
    const refused = await center.call('POST', '/api/v2/session/verify', withoutPurpose, STRANGER);
    expect(refused.status).toBe(401);

    const unknown = await challengeOf(center, stranger.fingerprint);
    expect(Object.keys(unknown)).toEqual(Object.keys(bare));
    const answer = await keyLogin(center, stranger);
    expect([answer.status, answer.body.message]).toEqual([401, refused.body.message]);
  });

  it('loses its sessions when it is disabled; the last one of superadmins stays', async () => {
    const center = await start();
    const [key, other] = [await addKey(center), await addKey(center)];
    const session = bearer((await keyLogin(center, key)).body.data.token);
    const path = `/api/v2/administrator-keys/${key.fingerprint}`;
    expect((await center.call('PUT', path, { isEnabled: false, comment: 'lost' })).status).toBe(200);
    expect((await center.call('GET', '/api/v2/session', undefined, session)).status).toBe(401);
    expect((await keyLogin(center, key)).status).toBe(401);
    const last = `/api/v2/administrator-keys/${other.fingerprint}`;
    expect((await center.call('DELETE', last)).status).toBe(409);
    expect((await center.call('PUT', last, { isEnabled: false })).status).toBe(409);
    expect((await center.call('DELETE', path)).status).toBe(200);
    expect((await keyLogin(center, other)).status).toBe(200);
  });

  it('is met at another config center on the same database', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'two-centers-'));
    opened.push({ close: async () => rmSync(folder, { recursive: true }) });
    const databaseUrl = `sqlite:${join(folder, 'config.db')}`;
    const [one, two] = [await start({ databaseUrl }), await start({ databaseUrl })];
    const { privateKey, fingerprint } = await addKey(one);
    const { challengeId, nonce } = await challengeOf(one, fingerprint);
    const answer = { challengeId, fingerprint, signature: signed(privateKey, nonce) };
    const { body } = await two.call('POST', '/api/v2/session/verify', answer, STRANGER);
    expect((await one.call('GET', '/api/v2/session', undefined, bearer(body.data.token))).status).toBe(200);
    for (const center of opened.splice(1)) await center.close();
  });
});

describe('the first key', () => {
  it('is made once, readable by its owner alone, and never written over', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'first-key-'));
    const path = join(folder, 'deep', 'admin_ed25519.key');
    const log = pino({ level: 'silent' });
    const fresh = async () => {
      const store = await openStore('sqlite::memory:');
      await ensureBuiltIn(store.connection, '2026-01-01T00:00:00.000Z');
      await ensureFirstKey(store, path, '2026-01-01T00:00:00.000Z', log);
      await ensureFirstKey(store, path, '2026-01-01T00:00:00.000Z', log);
      const keys = await listKeys(store.connection);
      await store.close();
      return keys;
    };
    const first = await fresh();
    expect(first).toHaveLength(1);
    expect(first[0]?.administratorId).toBe(BUILT_IN);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const kept = readFileSync(path, 'utf8');
    expect(Buffer.from(kept.trim(), 'base64')).toHaveLength(32);
    // An empty database beside a key that is there: the key goes on.
    expect((await fresh())[0]?.fingerprint).toBe(first[0]?.fingerprint);
    expect(readFileSync(path, 'utf8')).toBe(kept);
    writeFileSync(path, 'no key');
    expect(await fresh()).toEqual([]);
    expect(readFileSync(path, 'utf8')).toBe('no key');
    rmSync(folder, { recursive: true });
    expect(existsSync(path)).toBe(false);
  });
});

describe('a login code', () => {
  it('of a start works exactly once, also when 50 try at the same moment', async () => {
    const { access } = await start();
    await access.codes.allow('a-one-time-code-of-24-chars');
    const tries = Array.from({ length: 50 }, () => access.codes.redeem('a-one-time-code-of-24-chars'));
    expect((await Promise.all(tries)).filter((id) => id !== undefined)).toEqual([BUILT_IN]);
  });

  it('is made by an administrator for himself, for some uses and some time; a new one ends the old one', async () => {
    const center = await start();
    const session = bearer((await keyLogin(center, await addKey(center))).body.data.token);
    const make = (terms: object) => center.call('POST', '/api/v2/session/codes', terms, session);
    const first = (await make({ maxUses: 2, length: 25 })).body.data;
    expect(first).toEqual({
      code: expect.stringMatching(/^[A-Za-z0-9]{25}$/),
      url: `http://localhost:8080/login?code=${first.code}`,
      expiresAt: new Date(nowMs + 60_000).toISOString(),
      maxUses: 2,
    });
    expect((await make({})).status).toBe(429);
    expect((await codeLogin(center, first.code)).body.data).toMatchObject({ administrator: 'admin' });
    expect((await codeLogin(center, first.code)).status).toBe(200);
    expect((await codeLogin(center, first.code)).status).toBe(401);
    nowMs += 5_000;
    const second = (await make({ maxUses: 1000, ttlSeconds: 86_400 })).body.data;
    nowMs += 5_000;
    const third = (await make({})).body.data;
    expect(third.code).toHaveLength(40);
    expect((await codeLogin(center, second.code)).status).toBe(401);
    nowMs += 60_000;
    expect((await codeLogin(center, third.code)).status).toBe(401);
    for (const terms of [{ ttlSeconds: 0 }, { ttlSeconds: 86_401 }, { maxUses: 0 }, { maxUses: 1001 }])
      expect((await make(terms)).status).toBe(400);
    expect((await make({ length: 24 })).status).toBe(400);
    expect((await center.call('POST', '/api/v2/session/codes', {})).status).toBe(403);
    const rows = await center.store.connection.selectFrom('login_code').selectAll().execute();
    expect(JSON.stringify(rows)).not.toContain(first.code);
  });
});

describe('a session by cookie', () => {
  it('reads, and changes only from our own page', async () => {
    const center = await start();
    await center.access.codes.allow('another-code-of-24-letters');
    const login = await codeLogin(center, 'another-code-of-24-letters');
    expect(login.headers.get('set-cookie')).toMatch(
      /^gw_session=[\w-]{43}; Max-Age=\d+; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Lax$/,
    );
    const headers = { ...STRANGER, cookie: login.cookie };
    expect((await center.call('GET', '/api/v2/session', undefined, headers)).body.data).toMatchObject({
      administrator: 'admin',
      role: 'superadmin',
    });
    const draft = { code: 'by-cookie', name: 'By cookie' };
    const create = async (more: object) =>
      (await center.call('POST', '/api/v2/namespaces', draft, { ...headers, ...more })).status;
    const ours = { 'x-requested-with': 'gateway-dashboard' };
    expect(await create({})).toBe(403);
    expect(await create({ ...ours, origin: 'https://evil.example' })).toBe(403);
    expect(await create({ ...ours, origin: 'null' })).toBe(403);
    expect(await create({ ...ours, origin: 'http://localhost:8080' })).toBe(201);
    expect((await center.call('DELETE', '/api/v2/session', undefined, { ...headers, ...ours })).status).toBe(200);
    expect((await center.call('GET', '/api/v2/session', undefined, headers)).status).toBe(401);
  });

  it('has a cookie that only this host can have set, when it came over https', async () => {
    const center = await start();
    await center.access.codes.allow('another-code-of-24-letters');
    const https = { 'x-forwarded-proto': 'https' };
    const login = await codeLogin(center, 'another-code-of-24-letters', https);
    expect(login.headers.get('set-cookie')).toMatch(/^__Host-gw_session=[^;]+; Max-Age=\d+; Path=\/; .*; Secure; /);
    const cookie = { ...STRANGER, ...https, cookie: login.cookie };
    expect((await center.call('GET', '/api/v2/session', undefined, cookie)).status).toBe(200);
    const planted = { ...cookie, cookie: login.cookie.replace('__Host-', '') };
    expect((await center.call('GET', '/api/v2/session', undefined, planted)).status).toBe(401);
  });

  it('runs out when idle', async () => {
    const center = await start();
    await center.access.codes.allow('code');
    const { cookie } = await codeLogin(center, 'code');
    const isIn = async () =>
      (await center.call('GET', '/api/v2/session', undefined, { ...STRANGER, cookie })).status === 200;
    nowMs += 29 * 60_000;
    expect(await isIn()).toBe(true);
    nowMs += 29 * 60_000;
    expect(await isIn()).toBe(true);
    nowMs += 30 * 60_000;
    expect(await isIn()).toBe(false);
  });
});

describe('guessing', () => {
  it('codes locks the address out for fifteen minutes, also behind the dashboard, and no other address', async () => {
    const center = await start();
    const guess = async (address = '203.0.113.7') =>
      (await codeLogin(center, 'guess', { 'x-forwarded-for': address })).status;
    for (let count = 0; count < 10; count++) expect(await guess()).toBe(401);
    expect(await guess()).toBe(429);
    expect(await guess('203.0.113.9')).toBe(401);
    nowMs += 15 * 60_000;
    expect(await guess()).toBe(401);
  });

  it('a password locks the account out, wherever it comes from, and tells nothing of names', async () => {
    const center = await start({ hasPasswordLogin: true });
    const draft = { name: 'ada', role: 'viewer', password: PASSWORD };
    expect((await center.call('POST', '/api/v2/administrators', draft)).body.data).toMatchObject({ hasPassword: true });
    let from = 0;
    const attempt = (name: string, password: string) =>
      center.call(
        'POST',
        '/api/v2/session/password',
        { name, password },
        { ...STRANGER, 'x-forwarded-for': `203.0.113.${from++}` },
      );
    const wrong = await attempt('ada', 'wrong');
    const nobody = await attempt('nobody', 'wrong');
    expect([wrong.status, wrong.body.message]).toEqual([nobody.status, nobody.body.message]);
    expect((await attempt('ada', PASSWORD)).body.data).toMatchObject({ administrator: 'ada', role: 'viewer' });
    const many = await Promise.all(Array.from({ length: 12 }, () => attempt('ada', 'wrong')));
    expect(many.filter(({ status }) => status === 401)).toHaveLength(10);
    expect((await attempt('ada', PASSWORD)).status).toBe(429);
    nowMs += 15 * 60_000;
    expect((await attempt('ada', PASSWORD)).status).toBe(200);
  });
});

describe('a password', () => {
  it('works only where it is switched on, and its hash is shown to nobody', async () => {
    const center = await start();
    const { body } = await center.call('POST', '/api/v2/administrators', {
      name: 'ada',
      role: 'viewer',
      password: PASSWORD,
    });
    const login = { name: 'ada', password: PASSWORD };
    expect((await center.call('POST', '/api/v2/session/password', login, STRANGER)).status).toBe(403);
    expect((await center.call('GET', '/api/v2/session/ways', undefined, STRANGER)).body.data).toEqual({
      code: true,
      key: true,
      password: false,
      oidc: false,
    });
    const shown = [
      body,
      (await center.call('GET', '/api/v2/administrators')).body,
      (await center.call('GET', '/api/v2/audit')).body,
    ];
    expect(JSON.stringify(shown)).not.toMatch(/scrypt|passwordHash|a long enough/);
    const short = { name: 'bob', role: 'viewer', password: 'short' };
    expect((await center.call('POST', '/api/v2/administrators', short)).status).toBe(400);
  });
});

describe('sessions', () => {
  it('are listed without secrets, ended one by one or all of an administrator, and end with a disabled one', async () => {
    const center = await start();
    const {
      id,
      version: _,
      ...ada
    } = (await center.call('POST', '/api/v2/administrators', { name: 'ada', role: 'viewer' })).body.data;
    const key = await addKey(center, id);
    const tokens: string[] = [];
    for (let count = 0; count < 4; count++) tokens.push((await keyLogin(center, key)).body.data.token);
    const own = await center.call('GET', '/api/v2/sessions', undefined, bearer(tokens[0] ?? ''));
    expect(own.body.data.items).toHaveLength(4);
    expect(own.body.data.items.filter(({ isCurrent }: { isCurrent: boolean }) => isCurrent)).toHaveLength(1);
    for (const token of tokens) expect(JSON.stringify(own.body)).not.toContain(token);
    const isIn = async (index: number) =>
      (await center.call('GET', '/api/v2/session', undefined, bearer(tokens[index] ?? ''))).status === 200;

    const current = own.body.data.items.find(({ isCurrent }: { isCurrent: boolean }) => isCurrent);
    await center.call('DELETE', `/api/v2/sessions/${current.id}`, undefined, bearer(tokens[1] ?? ''));
    expect([await isIn(0), await isIn(1)]).toEqual([false, true]);
    expect((await center.call('DELETE', `/api/v2/administrators/${id}/sessions`)).body.data).toEqual({ ended: 3 });
    expect(await isIn(1)).toBe(false);

    tokens[0] = (await keyLogin(center, key)).body.data.token;
    const draft = { name: ada.name, role: 'viewer' };
    await center.call('PUT', `/api/v2/administrators/${id}`, { ...draft, isEnabled: false });
    expect(await isIn(0)).toBe(false);
    expect((await keyLogin(center, key)).status).toBe(401);
    // Enabled again, the sessions of before stay ended.
    await center.call('PUT', `/api/v2/administrators/${id}`, draft);
    expect(await isIn(0)).toBe(false);
  });

  it('of others are neither seen nor ended by an administrator who is no superadmin', async () => {
    const center = await start();
    await center.access.codes.allow('code');
    await codeLogin(center, 'code');
    const { id } = (await center.call('POST', '/api/v2/administrators', { name: 'op', role: 'operator' })).body.data;
    const operator = bearer((await keyLogin(center, await addKey(center, id))).body.data.token);
    const all = (await center.call('GET', '/api/v2/sessions')).body.data.items;
    expect(all).toHaveLength(2);
    const asked = await center.call('GET', `/api/v2/sessions?administratorId=${BUILT_IN}`, undefined, operator);
    expect(asked.body.data.items.map(({ administrator }: { administrator: string }) => administrator)).toEqual(['op']);
    const other = all.find(({ administrator }: { administrator: string }) => administrator === 'admin');
    expect((await center.call('DELETE', `/api/v2/sessions/${other.id}`, undefined, operator)).status).toBe(404);
  });

  it('logging out by bearer token ends the session', async () => {
    const center = await start();
    const session = bearer((await keyLogin(center, await addKey(center))).body.data.token);
    expect((await center.call('DELETE', '/api/v2/session', undefined, session)).status).toBe(200);
    expect((await center.call('GET', '/api/v2/session', undefined, session)).status).toBe(401);
  });
});
