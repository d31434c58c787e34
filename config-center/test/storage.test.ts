import { execFile } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import {
  matcherShape,
  namespaceShape,
  policyShape,
  policyTestShape,
  providerKeyShape,
  providerShape,
} from '@ai-gateway/contracts';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { administratorAccess } from '../src/auth/access.ts';
import { addKey, removeKey } from '../src/auth/administrator-keys.ts';
import {
  BUILT_IN,
  createAdministrator,
  ensureBuiltIn,
  removeAdministrator,
  updateAdministrator,
} from '../src/auth/administrators.ts';
import { isDatabaseUrl } from '../src/db/database-url.ts';
import { openStore, type Store } from '../src/db/store.ts';
import { publisher } from '../src/publish/publisher.ts';
import { startMariadb } from './support/mariadb.ts';

const LIFETIMES = { sessionHours: 12, sessionIdleMinutes: 30 };
const AT = '2026-01-01T00:00:00.000Z';
const folder = mkdtempSync(join(tmpdir(), 'storage-'));
let mariadb: Awaited<ReturnType<typeof startMariadb>>;
let count = 0;

beforeAll(async () => {
  mariadb = await startMariadb();
}, 120_000);
afterAll(async () => {
  await mariadb.stop();
  rmSync(folder, { recursive: true });
});

const namespace = (id: string, fields: object = {}) => namespaceShape.parse({ id, code: id, name: id, ...fields });

const DATABASES = {
  'SQLite in memory': () => 'sqlite::memory:',
  'SQLite in a file': () => `sqlite:${join(folder, `${count++}.db`)}`,
  MariaDB: () => mariadb.database(`d${count++}`),
};

describe.each(Object.entries(DATABASES))('the store on %s', (_, makeUrl) => {
  let store: Store;
  beforeAll(async () => {
    store = await openStore(await makeUrl());
  });
  afterAll(() => store.close());

  it('gives back what it was given, absent fields absent', async () => {
    const row = namespace('n1', { maxWaitMs: 60_000, isEnabled: false });
    const stamps = { version: 1, createdAt: AT, updatedAt: AT };
    expect(await store.insert('namespace', row, AT)).toEqual({ ...row, ...stamps });
    expect(await store.read('namespace', 'n1')).toEqual({ ...row, ...stamps });
    const policy = policyShape.parse({ id: 'p1', name: 'p', rule: { kind: 'qps-limit', maxQps: 0.5 } });
    await store.insert('policy', policy, AT);
    expect(await store.read('policy', 'p1')).toEqual({ ...policy, ...stamps });
    expect(await store.read('policy', 'P1')).toBeUndefined();
    const test = policyTestShape.parse({
      id: 'pt1',
      name: 'big',
      cases: Array.from({ length: 60 }, (__, index) => ({
        name: `case ${index}`,
        atMs: index,
        request: { body: { text: '🦜'.repeat(700) } },
        expect: { decision: 'allowed' },
      })),
    });
    await store.insert('policy_test', test, AT);
    expect(await store.all('policy_test', { isEnabled: 1 })).toEqual([{ ...test, ...stamps }]);
  });

  it('keeps every character, and tells case, accents and trailing spaces apart', async () => {
    const names = ['a', 'A', 'á', 'a ', 'ａ', 'ß', 'ss', '🦜', '🦜 ', "'; drop table x; --", '\\', '%', '\u0000\n\t'];
    for (const [index, name] of names.entries()) await store.insert('tenant', { id: `t${index}`, name }, AT);
    for (const [index, name] of names.entries()) {
      const { items } = await store.list('tenant', { page: 1, size: 9, where: { name } });
      expect(items.map(({ id, name: found }) => [id, found])).toEqual([[`t${index}`, name]]);
    }
    await expect(store.insert('tenant', { id: 'twin', name: '🦜' }, AT)).rejects.toThrow();
    expect((await store.list('tenant', { page: 1, size: 20, keyword: '%' })).total).toBe(1);
  });

  it('finds a keyword in any case', async () => {
    await store.insert('tenant', { id: 'case', name: 'Acme GmbH' }, AT);
    expect((await store.list('tenant', { page: 1, size: 20, keyword: 'aCME g' })).total).toBe(1);
  });

  it('keeps JSON and texts of any size that the contract allows', async () => {
    const models = Array.from({ length: 1000 }, (__, index) => `${'m'.repeat(120)}${index}`);
    const provider = providerShape.parse({ id: 'big', name: 'big', models, priority: 1 });
    await store.insert('provider', provider, AT);
    expect((await store.read('provider', 'big'))?.models).toEqual(models);
    await store.insert('namespace', namespace('long'), AT);
    const matcher = { id: 'm', namespaceId: 'long', source: 'header', field: 'x', operator: 'equals' };
    const value = '🦜'.repeat(1000);
    await store.insert('matcher', matcherShape.parse({ ...matcher, value }), AT);
    expect((await store.read('matcher', 'm'))?.value).toBe(value);
  });

  it('keeps encrypted secrets, and none of a provider or upstream that is not there', async () => {
    const secret = { masterKeyId: 'k', dataKey: 'A'.repeat(80), ciphertext: 'A'.repeat(6_000) };
    const provider = providerShape.parse({ id: 'pr', name: 'pr', models: [], priority: 1 });
    await store.insert('provider', provider, AT);
    const key = providerKeyShape.parse({ id: 'pk', providerId: 'pr', name: 'k', lastFour: 'abcd', sealed: secret });
    await store.insert('provider_key', key, AT);
    expect(await store.read('provider_key', 'pk')).toMatchObject(key);
    await expect(store.insert('provider_key', { ...key, id: 'pk2', providerId: 'gone' }, AT)).rejects.toThrow();
    await expect(store.insert('provider_key', { ...key, id: 'pk2', upstreamId: 'gone' }, AT)).rejects.toThrow();
    await expect(store.remove('provider', { id: 'pr' })).rejects.toThrow();
  });

  it('raises the version with each update, and none that names an old one succeeds', async () => {
    await store.insert('namespace', namespace('v'), AT);
    expect(await store.update('namespace', namespace('v'), AT)).toMatchObject({ version: 2 });
    expect(await store.update('namespace', namespace('v', { name: 'w' }), AT)).toMatchObject({ version: 3, name: 'w' });
    expect(await store.update('namespace', namespace('missing'), AT)).toBeUndefined();
  });

  it('lists in pages, filters, and removes', async () => {
    for (const id of ['l1', 'l2', 'l3']) await store.insert('namespace', namespace(id, { description: 'listed' }), AT);
    const page = (number: number) => store.list('namespace', { page: number, size: 2, keyword: 'listed' });
    expect((await page(1)).items.map(({ id }) => id)).toEqual(['l1', 'l2']);
    expect(await page(2)).toMatchObject({ total: 3, items: [{ id: 'l3' }] });
    expect(await store.remove('namespace', { id: 'l1' })).toBe(1);
    expect(await store.remove('namespace', { id: 'l1' })).toBe(0);
  });

  it('walks a list by cursor, each row once, also where many were made at the same moment', async () => {
    for (let index = 0; index < 7; index++) {
      const at = `2026-01-0${1 + Math.floor(index / 3)}T00:00:00.000Z`;
      await store.insert('namespace', namespace(`c${index}`, { description: 'walked' }), at);
    }
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const found = await store.list('namespace', { page: 1, size: 2, keyword: 'walked', cursor });
      expect(found.total).toBe(7);
      seen.push(...found.items.map(({ id }) => id));
      cursor = found.next;
    } while (cursor !== undefined);
    expect(seen).toEqual(['c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6']);
    for (const bad of ['x', '', 'WzFd', Buffer.from('[{},1]').toString('base64url')]) {
      await expect(store.list('namespace', { page: 1, size: 2, cursor: bad })).rejects.toThrow('not valid');
    }
  });

  it('keeps administrators, their keys, challenges, codes and sessions', async () => {
    let nowMs = 1_000_000;
    await ensureBuiltIn(store.connection, AT);
    await ensureBuiltIn(store.connection, AT);
    const access = administratorAccess(store, { hasPasswordLogin: false, lifetimes: () => LIFETIMES }, () => nowMs);
    const author = { actor: 'test', at: AT };
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64');
    const draft = { administratorId: BUILT_IN, publicKey: raw, comment: '🦜', isEnabled: true };
    const { fingerprint } = await addKey(store.connection, draft, author);
    await expect(removeKey(store, fingerprint, author)).rejects.toThrow('must stay');
    const { id: challengeId, nonce } = await access.challenges.issue(fingerprint);
    const message = Buffer.concat([Buffer.from('gateway-auth:'), Buffer.from(nonce, 'base64')]);
    const answer = { challengeId, fingerprint, signature: sign(null, message, privateKey).toString('base64') };
    const met = await Promise.all([access.challenges.meet(answer), access.challenges.meet(answer)]);
    expect(met.filter((key) => key !== undefined)).toMatchObject([{ fingerprint, comment: '🦜' }]);

    const { secret, session } = await access.logIn({ administratorId: BUILT_IN, method: 'password', address: '::1' });
    expect(await access.sessions.find(secret)).toMatchObject({ administrator: 'admin', role: 'superadmin' });
    expect(await access.sessions.list(BUILT_IN)).toMatchObject([{ method: 'password', address: '::1' }]);
    const terms = { ttlSeconds: 60, maxUses: 3, length: 30 };
    const { code } = await access.codes.make({ id: session.id ?? '', administratorId: BUILT_IN }, terms);
    const uses = await Promise.all(Array.from({ length: 9 }, () => access.codes.redeem(code)));
    expect(uses.filter((id) => id === BUILT_IN)).toHaveLength(3);
    nowMs += 30 * 60_000;
    expect(await access.sessions.find(secret)).toBeUndefined();
    expect(await access.sessions.end({ administratorId: BUILT_IN })).toBe(1);

    const second = { name: 'Ada', role: 'superadmin' as const, isEnabled: true, password: 'a long enough one' };
    const ada = await createAdministrator(store, second, author);
    await expect(createAdministrator(store, { ...second, name: 'ada' }, author)).resolves.toMatchObject({ version: 1 });
    await removeAdministrator(store, BUILT_IN, author);
    const { password: _, ...rest } = second;
    expect(await updateAdministrator(store, ada.id, { ...rest, role: 'viewer' }, author)).toMatchObject({
      version: 2,
      role: 'viewer',
      hasPassword: true,
    });
  });

  it('keeps all of a transaction or nothing', async () => {
    const failing = store.transaction(async (resources) => {
      await resources.insert('namespace', namespace('half'), AT);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await store.read('namespace', 'half')).toBeUndefined();
  });

  it('lets changes take turns: each sees all that came before it, and so does its revision', async () => {
    const publishing = await publisher(store, () => AT);
    const before = (await store.all('namespace')).length;
    const seen = await Promise.all(
      Array.from({ length: 20 }, (__, index) =>
        publishing.change(async (resources) => {
          const { length } = await resources.all('namespace');
          await resources.insert('namespace', namespace(`turn${index}`), AT);
          return length;
        }),
      ),
    );
    expect(seen.toSorted((left, right) => left - right)).toEqual(seen.map((__, index) => before + index));
    expect(JSON.parse(publishing.current().body).namespaces).toHaveLength(before + 20);
  });
});

describe('a start on MariaDB', () => {
  it('is completed by the next after it was broken off at any table', async () => {
    const url = await mariadb.database('broken');
    await (await openStore(url)).close();
    const tables = (await mariadb.query('show tables', 'broken')) as Record<string, string>[];
    const names = tables.flatMap((row) => Object.values(row));
    for (const kept of [1, 5, 10]) {
      await mariadb.query('drop database broken');
      await mariadb.query('create database broken');
      await (await openStore(url)).close();
      const others = names.filter(
        (name) => !['namespace', 'provider', 'upstream', 'customer_type', 'meta'].includes(name),
      );
      // What is done is written down last.
      const notes = others.filter((name) => name.startsWith('kysely_'));
      const dropped = [...notes, ...others.filter((name) => !notes.includes(name)).slice(kept)];
      for (const name of dropped) await mariadb.query(`drop table ${name}`, 'broken');
      await mariadb.query('alter table namespace drop column version', 'broken');
      const store = await openStore(url);
      expect(await store.insert('namespace', namespace('x'), AT)).toMatchObject({ version: 1 });
      expect(await store.all('layered_limit')).toEqual([]);
      await store.close();
    }
  });

  it('does not collide with another at the same moment', async () => {
    const url = await mariadb.database('twice');
    const stores = await Promise.all([openStore(url), openStore(url), openStore(url)]);
    const publishers = await Promise.all(stores.map((store) => publisher(store, () => AT)));
    expect(new Set(publishers.map((each) => each.current().epoch)).size).toBe(1);
    for (const store of stores) await store.close();
  });

  it('says what is wrong with DATABASE_URL, never its password', async () => {
    const at = `127.0.0.1:${mariadb.port}`;
    const faults = [
      ['mysql://writer:s3cret@AT/d', `refuses the user "writer" or its password`],
      [(await mariadb.database('d')).replace(/d$/, 'mysql'), 'does not let the user "writer" use the database "mysql"'],
      [`mysql://root@AT/nowhere`, 'There is no database "nowhere"'],
      ['mysql://writer:s3cret@127.0.0.1:2/d', 'There is no answer from 127.0.0.1:2 (ECONNREFUSED)'],
    ] as const;
    for (const [url, message] of faults) {
      const error = await openStore(url.replace('AT', at)).then(
        () => undefined,
        (reason: Error) => reason.message,
      );
      expect(error).toMatch(/^DATABASE_URL: /);
      expect(error).toContain(message);
      expect(error).not.toMatch(/s3cret|pass[@%]/);
    }
  });
});

describe('TLS to MariaDB', () => {
  it('encrypts, and refuses a server whose certificate nobody vouches for or that has none', async () => {
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
    const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const files = ['-keyout', key, '-out', certificate, '-days', '2'];
    await promisify(execFile)('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...files, ...names]);
    const server = await startMariadb([`--ssl-cert=${certificate}`, `--ssl-key=${key}`]);
    try {
      const url = (await server.database('tls')).replace('127.0.0.1', 'localhost');
      const store = await openStore(`${url}?ssl-ca=${encodeURIComponent(certificate)}`);
      const { rows } = await sql<{ Value: string }>`show status like 'Ssl_cipher'`.execute(store.connection);
      expect(rows[0]?.Value).toMatch(/^TLS_|AES/);
      const limit = sql<{ seconds: number }>`select @@max_statement_time as seconds`;
      expect(Number((await limit.execute(store.connection)).rows[0]?.seconds)).toBe(60);
      await store.close();
      await expect(openStore(`${url}?ssl=true`)).rejects.toThrow('is not accepted');
      await expect(openStore(`${url}?ssl-ca=/nowhere.pem`)).rejects.toThrow('The file of ssl-ca cannot be read');
      const plain = (await mariadb.database('plain')).replace('127.0.0.1', 'localhost');
      await expect(openStore(`${plain}?ssl=true`)).rejects.toThrow('does not offer TLS');
    } finally {
      await server.stop();
    }
  }, 60_000);

  it('has no other parameters', () => {
    expect(isDatabaseUrl('mysql://u:p@h:1/d?ssl=true')).toBe(true);
    for (const parameters of ['sslmode=require', 'ssl=maybe'])
      expect(isDatabaseUrl(`mysql://u@h/d?${parameters}`)).toBe(false);
  });
});

it('does not collide with another start on the same SQLite file', async () => {
  const url = `sqlite:${join(folder, 'twice.db')}`;
  const script = join(import.meta.dirname, 'support/open-store.ts');
  const starts = Array.from({ length: 3 }, () => promisify(execFile)(process.execPath, [script, url]));
  await Promise.all(starts);
});
