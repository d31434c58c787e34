import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { snapshotFile } from './snapshot-file.ts';

let folder: string;
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'snapshots-')), 'rules');
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true }));

const bodyOf = (revision: number) => JSON.stringify({ epoch: 'e', revision, matchers: [] });

function rulesOf(revision: number) {
  const body = bodyOf(revision);
  return { revision, sha256: createHash('sha256').update(body).digest('hex'), signature: 's', parts: () => [...body] };
}

async function revisionsIn(file: ReturnType<typeof snapshotFile>): Promise<number[]> {
  const revisions: number[] = [];
  for await (const { body } of file.read()) revisions.push(JSON.parse(body).revision);
  return revisions;
}

async function writeThree() {
  const file = snapshotFile(folder);
  for (const revision of [1, 2, 3, 4]) {
    await file.write(rulesOf(revision));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return file;
}

it('keeps the last three, newest first, for the owner alone', async () => {
  const file = await writeThree();
  expect(await revisionsIn(file)).toEqual([4, 3, 2]);
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
  writeFileSync(newest, damage(`x\n${bodyOf(4)}`));
  expect(await revisionsIn(file)).toEqual([3, 2]);
});

it('finds nothing where there is nothing', async () => {
  expect(await revisionsIn(snapshotFile(folder))).toEqual([]);
});

it('writes only the last of those that come while another is written', async () => {
  const file = snapshotFile(folder);
  await Promise.all([1, 2, 3, 4].map((revision) => file.write(rulesOf(revision))));
  expect(await revisionsIn(file)).toEqual([4]);
});
