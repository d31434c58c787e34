import { createHash, generateKeyPairSync, verify } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { requestLogIntake } from '../../config-center/src/publish/request-log-intake.ts';
import { ADMIN_TOKEN, startConfigCenter } from '../../config-center/test/support/config-center.ts';
import { logRecord } from '../../config-center/test/support/request-log.ts';
import { topLines } from '../src/top-view.ts';
import { captured } from './support/captured.ts';

const folder = mkdtempSync(join(tmpdir(), 'gatewayctl-'));
let center: Awaited<ReturnType<typeof startConfigCenter>>;
beforeAll(async () => {
  center = await startConfigCenter();
});
afterAll(async () => {
  await center.close();
  rmSync(folder, { recursive: true });
});

const ctl = (words: string, environment: Record<string, string> = {}) =>
  captured(words.split(' '), {
    XDG_CONFIG_HOME: folder,
    GATEWAYCTL_URL: center.url,
    GATEWAYCTL_TOKEN: ADMIN_TOKEN,
    ...environment,
  });

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

it('creates, lists, reads, replaces and deletes what every resource has', async () => {
  const draft = file('draft.yaml', 'code: shop\nname: Shop');
  const { id } = JSON.parse((await ctl(`create namespaces -f ${draft} -o json`)).out);
  expect((await ctl('list namespaces')).out).toMatch(/CODE[\s\S]*shop/);
  const renamed = file('draft.yaml', 'code: shop\nname: New shop');
  expect((await ctl(`update namespaces ${id} -f ${renamed}`)).out).toContain('name: New shop');
  expect((await ctl(`get namespaces ${id} -o yaml`)).out).toContain('name: New shop');
  expect((await ctl('list namespaces --filter isEnabled=false')).out).toBe('none\n');
  expect((await ctl(`delete namespaces ${id}`)).code).toBe(0);
  expect(await ctl(`get namespaces ${id}`)).toMatchObject({ code: 1, error: 'There is no such namespace.\n' });
});

it('compares, applies, exports and goes back', async () => {
  const rules = file(
    'rules.yaml',
    'version: 1\nnamespaces: [{ code: a, name: A }]\npolicies: [{ namespace: a, name: p, rule: { kind: qps-limit, maxQps: 5 } }]',
  );
  const diff = await ctl(`diff -f ${rules}`);
  expect(diff).toMatchObject({ code: 3, out: expect.stringContaining('+ policies a p') });
  expect(diff.out).toContain('warning namespace-without-matcher');
  expect((await ctl(`apply -f ${rules} --dry-run`)).code).toBe(0);
  expect((await ctl('list policies')).out).toBe('none\n');
  expect(await ctl(`apply -f ${rules}`)).toMatchObject({ code: 2, error: expect.stringContaining('--yes') });
  expect((await ctl(`apply -f ${rules} --yes`)).out).toMatch(/applied as revision \d+/);
  const revision = center.publisher.current().revision;

  const exported = file('exported.yaml', (await ctl('export')).out);
  expect(await ctl(`diff -f ${exported} --prune`)).toMatchObject({ code: 0, out: 'no differences\n' });
  const faster = file('faster.yaml', (await ctl('export')).out.replace('maxQps: 5', 'maxQps: 6'));
  expect((await ctl(`apply -f ${faster} --yes --expect ${revision - 1}`)).code).toBe(1);
  expect((await ctl(`apply -f ${faster} --yes --expect ${revision}`)).out).toMatch(
    /~ policies a p\n {4}rule: .*5.* -> .*6/,
  );
  expect((await ctl(`rollback ${revision} --yes`)).code).toBe(0);
  expect((await ctl(`diff -f ${exported} --prune`)).code).toBe(0);
  expect((await ctl('revisions')).out).toMatch(/^REVISION/);
  expect((await ctl('lint')).out).toContain('namespace-without-matcher');
  expect(await ctl('top --once')).toMatchObject({ code: 0, out: expect.stringContaining('No namespace has traffic.') });
  expect((await ctl('limits a')).code).toBe(0);
});

it('reports usage by groups, with totals', async () => {
  const at = Date.parse('2026-03-01T10:00:00Z');
  const records = ['a', 'b', 'b'].map((resolvedModel) => logRecord({ atMs: at, resolvedModel }));
  await requestLogIntake(center.store.connection, Date.now)(records);
  const { out } = await ctl('usage --by model,day --from 2026-03-01 --to 2026-03-02 --filter sort=requests');
  const [names, ...rows] = out.trimEnd().split('\n');
  expect(names).toMatch(/^MODEL +DAY +REQUESTS .* COST /);
  expect(rows.map((row) => row.split(/ +/).slice(0, 3))).toEqual([
    ['b', '2026-03-01', '2'],
    ['a', '2026-03-01', '1'],
    ['total', '3', '0'],
  ]);
  expect(JSON.parse((await ctl('usage --from 2026-03-02 --to 2026-03-03 -o json')).out).totals.requests).toBe(0);
  expect(await ctl('usage --by colour')).toMatchObject({
    code: 1,
    error: expect.stringContaining('groupBy: "colour"'),
  });
});

it('shows and changes settings', async () => {
  expect((await ctl('settings')).out).toContain('requestLogDays: 7');
  expect((await ctl('settings requestLogDays=3 usageDays=9')).out).toContain('requestLogDays: 3');
  expect((await ctl('settings requestLogDays=')).out).toMatch(/requestLogDays: 7\nusageDays: 9/);
  expect(await ctl('settings colour=3')).toMatchObject({ code: 1, error: expect.stringContaining('colour') });
  expect(await ctl('settings requestLogDays')).toMatchObject({
    code: 2,
    error: expect.stringContaining('name=number'),
  });
});

it.each([
  ['nonsense', 2, 'There is no command'],
  ['list nothing', 2, 'virtual-keys'],
  ['get namespaces', 2, 'Which id?'],
  ['apply', 2, 'Which file?'],
  ['lint --loud', 2, '--loud'],
  ['rollback x', 2, 'Which revision?'],
  ['diff -f /nowhere.yaml', 1, 'cannot be read'],
])('answers "%s" with exit code %i', async (words, code, message) => {
  expect(await ctl(words)).toMatchObject({ code, error: expect.stringContaining(message) });
});

it('names every field at fault, who to log in as, and a config center that is away', async () => {
  const wrong = file('wrong.yaml', 'version: 1\nnamespaces: [{ code: A, name: A, colour: red }]');
  const refused = await ctl(`apply -f ${wrong} --yes`);
  expect(refused.code).toBe(1);
  expect(refused.error).toMatch(/namespaces\.0\.code: [\s\S]*namespaces\.0\.colour: /);
  const stranger = await ctl('lint', { GATEWAYCTL_TOKEN: 'wrong' });
  expect(stranger).toMatchObject({ code: 1, error: expect.stringContaining('gatewayctl login') });
  const away = await ctl('lint', { GATEWAYCTL_URL: 'http://127.0.0.1:2' });
  expect(away).toMatchObject({ code: 1, error: expect.stringContaining('does not answer') });
});

it('logs in with a private key and keeps the session for itself and for that config center alone', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const rawOf = (bytes: Buffer) => bytes.subarray(-32);
  const seed = rawOf(privateKey.export({ format: 'der', type: 'pkcs8' })).toString('base64');
  const raw = rawOf(publicKey.export({ format: 'der', type: 'spki' }));
  const nonce = Buffer.from('a nonce of thirty-two bytes here').toString('base64');
  const seen: string[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = JSON.parse(Buffer.concat(chunks).toString() || '{}');
    seen.push(`${request.url} ${request.headers.authorization ?? ''}`);
    const answers: Record<string, () => unknown> = {
      '/api/v2/session/challenge': () => ({
        challengeId: 'c',
        nonce,
        expiresAt: '2999-01-01T00:00:00Z',
        alg: 'Ed25519',
      }),
      '/api/v2/session/verify': () => {
        const signed = Buffer.concat([Buffer.from('gateway-auth:'), Buffer.from(nonce, 'base64')]);
        const isSigned = verify(null, signed, publicKey, Buffer.from(body.signature, 'base64'));
        expect([isSigned, body.fingerprint]).toEqual([true, createHash('sha256').update(raw).digest('hex')]);
        return { token: 'given', expiresAt: '2999-01-01T00:00:00Z', fingerprint: body.fingerprint };
      },
    };
    response.end(JSON.stringify({ data: answers[request.url ?? '']?.() ?? { findings: [] } }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const key = file('key', `${seed}\n`);
  // biome-ignore lint/suspicious/noExplicitAny: an environment without these variables
  const unset: any = { GATEWAYCTL_TOKEN: undefined, GATEWAYCTL_URL: undefined };
  expect(await ctl(`login --key ${key} --url ${url}`, unset)).toMatchObject({ code: 0, error: '' });
  expect(statSync(join(folder, 'gatewayctl/session.json')).mode & 0o777).toBe(0o600);
  expect((await ctl('lint', unset)).out).toBe('nothing found\n');
  expect(seen.at(-1)).toBe('/api/v2/lint Bearer given');
  expect((await ctl(`lint --url ${center.url}`, unset)).error).toContain('Please log in.');
  expect((await ctl(`login --key ${file('bad', 'xyz')} --url ${url}`, unset)).error).toContain('32 bytes');
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

it('shows limits as bars and lets no text steer the terminal', () => {
  const live = {
    requestsPerSecond: 2,
    refusedPerSecond: 1,
    inputTokensPerSecond: 5,
    outputTokensPerSecond: 6,
    inFlight: 1,
  };
  const sums = { requests: 1, refused: 0, failed: 0, inputTokens: 1, outputTokens: 1 };
  const limit = {
    policyId: 'p',
    policyName: 'slow\x1b[2J',
    key: 'k',
    kind: 'window',
    counts: 'total',
    isObserved: false,
  } as const;
  const lines = topLines({
    at: 'now',
    namespaces: [{ namespaceId: 'n', code: 'shop', ...live, ...sums }],
    selected: 0,
    reports: [
      {
        gatewayId: 'g',
        store: 'shared',
        limits: [{ ...limit, current: 50, limit: 100, remaining: 50, resetMs: 1 }],
        inFlight: [],
        inFlightTotal: 0,
        waiting: 0,
      },
    ],
    missing: ['g2'],
  }).join('\n');
  expect(lines).toMatch(/> +shop +2\.0 +1\.0 +5\.0 +6\.0 +1/);
  expect(lines).toContain('[##########..........]');
  expect(lines).toContain('50/100 total');
  expect(lines).toContain('gateways that do not answer: g2');
  expect(lines).not.toContain('\x1b');
});
