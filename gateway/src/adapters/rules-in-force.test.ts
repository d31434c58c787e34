import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BodyRow, bodyParts, patchList, type RuleList, type RulesDelta } from '@ai-gateway/contracts';
import { rulesSigner } from '@ai-gateway/contracts/secrets';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { NO_SECRETS } from '../domain/provider-keys.ts';
import { rulesInForce } from './rules-in-force.ts';
import { snapshotFile } from './snapshot-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rules-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const quiet = { info: () => {}, warn: () => {}, error: () => {}, request: () => {} };
const head = (revision: number, epoch = 'e') => ({ epoch, revision, createdAt: '2026-01-01T00:00:00.000Z' });
const namespace = (id: string, name = id): BodyRow => ({ id, code: id, name, authMode: 'open' });
const policy = (id: string, namespaceId: string, maxConcurrent: number): BodyRow => ({
  id,
  namespaceId,
  name: id,
  priority: 1,
  rule: { kind: 'concurrency-limit', maxConcurrent },
});

type Lists = readonly RuleList<BodyRow>[];

function listsOf(rows: Readonly<Record<string, readonly BodyRow[]>>): Lists {
  const names = ['namespaces', 'matchers', 'policies', 'providers', 'upstreams', 'virtualKeys'];
  return names.map((name) => {
    const list = rows[name] ?? [];
    return { name, rows: list, texts: list.map((row) => JSON.stringify(row)) };
  });
}

const signer = rulesSigner('token');

function offerOf(lists: Lists, revision: number, epoch = 'e') {
  const body = [...bodyParts(head(revision, epoch), lists)].join('');
  const sha256 = createHash('sha256').update(body).digest('hex');
  return { revision, sha256, signature: signer.sign({ epoch, revision, sha256 }), body };
}

function changed(lists: Lists, changes: RulesDelta['lists']): Lists {
  return lists.map((list) => patchList(list, changes[list.name] ?? { put: [], removed: [] }, (row) => row));
}

const FIRST = listsOf({ namespaces: [namespace('a'), namespace('b')], policies: [policy('p', 'a', 1)] });
const CHANGES = {
  namespaces: { put: [namespace('c')], removed: ['b'] },
  policies: { put: [policy('p', 'a', 2), policy('q', 'c', 3)], removed: [] },
};
const SECOND = changed(FIRST, CHANGES);
const DELTA: RulesDelta = { after: 1, ...head(2), lists: CHANGES };

async function start() {
  const onChange = vi.fn();
  const options = {
    keyPepper: 'p',
    signer,
    secrets: NO_SECRETS,
    snapshots: snapshotFile(folder),
    log: quiet,
    nowMs: () => 0,
  };
  return { rules: await rulesInForce(options, onChange), onChange };
}

const deltaOffer = (deltas: readonly RulesDelta[], offer = offerOf(SECOND, 2)) => ({
  revision: offer.revision,
  sha256: offer.sha256,
  signature: offer.signature,
  deltas: JSON.stringify(deltas),
});

it('gives by deltas what the body gives, and takes over what they leave alone', async () => {
  const [{ rules: byDeltas }, { rules: byBody }] = [await start(), await start()];
  await byDeltas.offer(offerOf(FIRST, 1));
  const before = byDeltas.current();
  expect(await byDeltas.offer(deltaOffer([DELTA]))).toBe('decided');
  await byBody.offer(offerOf(SECOND, 2));
  expect(byDeltas.current()).toEqual(byBody.current());
  expect(byDeltas.current()?.virtualKeys).toBe(before?.virtualKeys);

  const third = { namespaces: { put: [namespace('c', 'Renamed')], removed: [] } };
  const offer = offerOf(changed(SECOND, third), 3);
  expect(await byDeltas.offer(deltaOffer([DELTA, { after: 2, ...head(3), lists: third }], offer))).toBe('decided');
  await byBody.offer(offer);
  expect(byDeltas.current()).toEqual(byBody.current());
  expect(byDeltas.current()?.namespaces.get('a')).toBeDefined();
});

it('keeps the compiled namespaces that a delta does not concern', async () => {
  const { rules } = await start();
  await rules.offer(offerOf(FIRST, 1));
  const before = rules.current()?.namespaces.get('a');
  const changes = { namespaces: { put: [namespace('b', 'Other')], removed: [] } };
  await rules.offer(deltaOffer([{ after: 1, ...head(2), lists: changes }], offerOf(changed(FIRST, changes), 2)));
  expect(rules.current()?.revision).toBe(2);
  expect(rules.current()?.namespaces.get('a')).toBe(before);
});

it.each([
  ['lead from another revision', [{ ...DELTA, after: 0 }]],
  ['are of another epoch', [{ ...DELTA, epoch: 'x' }]],
  ['give other rules than their hash says', [{ ...DELTA, lists: {} }]],
  ['hold a row that is not valid', [{ ...DELTA, lists: { policies: { put: [{ id: 'p' }], removed: [] } } }]],
  ['are none', []],
])('asks for the body when deltas %s, and changes nothing', async (_name, deltas) => {
  const { rules, onChange } = await start();
  await rules.offer(offerOf(FIRST, 1));
  onChange.mockClear();
  expect(await rules.offer(deltaOffer(deltas))).toBe('body needed');
  expect(rules.current()?.revision).toBe(1);
  expect(rules.refused()).toBeUndefined();
  expect(onChange).not.toHaveBeenCalled();
  expect(await rules.offer({ ...deltaOffer(deltas), body: offerOf(SECOND, 2).body })).toBe('decided');
  expect(rules.current()?.revision).toBe(2);
});

it('takes an earlier body from which deltas lead on', async () => {
  const { rules } = await start();
  await rules.offer({ ...deltaOffer([DELTA]), body: offerOf(FIRST, 1).body });
  expect(rules.current()?.revision).toBe(2);
});

it('does not ask for the body of rules that another source was faster with', async () => {
  const { rules } = await start();
  await rules.offer(offerOf(FIRST, 1));
  const answers = await Promise.all([rules.offer(deltaOffer([DELTA])), rules.offer(deltaOffer([DELTA]))]);
  expect(answers).toEqual(['decided', 'decided']);
});

it('refuses what is not valid with the reason, keeps the last good, and forgets it once that is confirmed', async () => {
  const { rules } = await start();
  await rules.offer(offerOf(FIRST, 1));
  const matcher = { id: 'm', namespaceId: 'a', source: 'path', field: '', operator: 'regex', value: '(', priority: 1 };
  const broken = { matchers: { put: [matcher], removed: [] } };
  for (const offer of [
    offerOf(changed(FIRST, broken), 2),
    deltaOffer([{ after: 1, ...head(2), lists: broken }], offerOf(changed(FIRST, broken), 2)),
  ]) {
    expect(await rules.offer(offer)).toBe('decided');
    expect(rules.refused()).toMatchObject({ revision: 2, reason: expect.stringContaining('Matcher m') });
    expect(rules.current()?.revision).toBe(1);
  }
  await rules.offer(offerOf(FIRST, 1));
  expect(rules.refused()).toBeUndefined();
});

it('passes over what is older, unless it is of another epoch', async () => {
  const { rules } = await start();
  await rules.offer(offerOf(SECOND, 2));
  await rules.offer(offerOf(FIRST, 1));
  expect(rules.current()?.revision).toBe(2);
  await rules.offer(offerOf(FIRST, 1, 'other'));
  expect(rules.current()).toMatchObject({ epoch: 'other', revision: 1 });
});

it('starts with what it last had, and takes deltas on that', async () => {
  const first = await start();
  await first.rules.offer(offerOf(FIRST, 1));
  let { rules } = await start();
  await vi.waitFor(async () => {
    ({ rules } = await start());
    expect(rules.current()?.revision).toBe(1);
  });
  expect(await rules.offer(deltaOffer([DELTA]))).toBe('decided');
  expect(rules.current()?.revision).toBe(2);
});

it.each([
  ['nothing', () => ''],
  ['another token', (sha256: string) => rulesSigner('other').sign({ epoch: 'e', revision: 2, sha256 })],
  ['the token, for another revision', (sha256: string) => signer.sign({ epoch: 'e', revision: 3, sha256 })],
])('refuses rules that are signed with %s, by body and by deltas', async (_name, sign) => {
  const { rules } = await start();
  await rules.offer(offerOf(FIRST, 1));
  const second = offerOf(SECOND, 2);
  const signature = sign(second.sha256);
  for (const offer of [{ ...second, signature }, deltaOffer([DELTA], { ...second, signature })]) {
    expect(await rules.offer(offer)).toBe('decided');
    expect(rules.refused()?.reason).toContain('not signed');
    expect(rules.current()?.revision).toBe(1);
  }
});

it('does not start with a snapshot that nobody signed', async () => {
  const { sha256, body } = offerOf(FIRST, 1);
  writeFileSync(join(folder, 'rules-000000000000001-1.json'), `${sha256} 00\n${body}`);
  expect((await start()).rules.current()).toBeUndefined();
});
