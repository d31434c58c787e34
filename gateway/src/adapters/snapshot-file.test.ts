import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Snapshot, snapshotShape } from '@ai-gateway/contracts';
import { rulesSigner } from '@ai-gateway/contracts/secrets';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { snapshotFile } from './snapshot-file.ts';

const signer = rulesSigner('token');
let folder: string;
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'snapshots-')), 'rules');
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true }));

function snapshot(revision: number): Snapshot {
  const nothing = { namespaces: [], matchers: [], policies: [], providers: [], upstreams: [], virtualKeys: [] };
  return snapshotShape.parse({ epoch: 'e', revision, createdAt: '2026-01-01T00:00:00Z', ...nothing });
}

async function writeThree() {
  const file = snapshotFile(folder, signer);
  for (const revision of [1, 2, 3, 4]) {
    await file.write(snapshot(revision));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return file;
}

it('keeps the last three, newest first, for the owner alone', async () => {
  const file = await writeThree();
  expect((await file.read()).map(({ revision }) => revision)).toEqual([4, 3, 2]);
  const names = readdirSync(folder);
  expect(names).toHaveLength(3);
  expect(statSync(join(folder, names[0] ?? '')).mode & 0o777).toBe(0o600);
});

it.each([
  ['cut off', (text: string) => text.slice(0, 100)],
  ['empty', () => ''],
  ['with one character changed', (text: string) => text.replace('"revision":4', '"revision":9')],
])('passes over one that is %s', async (_name, damage) => {
  const file = await writeThree();
  const newest = join(folder, readdirSync(folder).sort().at(-1) ?? '');
  writeFileSync(newest, damage(`x\n${JSON.stringify(snapshot(4))}`));
  expect((await file.read()).map(({ revision }) => revision)).toEqual([3, 2]);
});

it.each([
  ['is signed with another token', rulesSigner('other').sign],
  ['has only a hash', ({ sha256 }: { sha256: string }) => sha256],
])('passes over one that %s', async (_name, sign) => {
  const file = await writeThree();
  const newest = join(folder, readdirSync(folder).sort().at(-1) ?? '');
  const json = JSON.stringify(snapshot(4));
  const sha256 = createHash('sha256').update(json).digest('hex');
  writeFileSync(newest, `${signer.sign({ epoch: 'e', revision: 4, sha256 })}\n${json}`);
  expect((await file.read()).map(({ revision }) => revision)).toEqual([4, 3, 2]);
  writeFileSync(newest, `${sign({ epoch: 'e', revision: 4, sha256 })}\n${json}`);
  expect((await file.read()).map(({ revision }) => revision)).toEqual([3, 2]);
});

it('finds nothing where there is nothing', async () => {
  expect(await snapshotFile(folder, signer).read()).toEqual([]);
});
