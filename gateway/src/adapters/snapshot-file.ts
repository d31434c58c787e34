import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Snapshots kept on disk; the newest that is whole is used. */
const KEPT = 3;

/** A snapshot as JSON, with the sha256 of it and the signature that came with it, which is still to be checked. */
export interface SavedRules {
  readonly sha256: string;
  readonly signature: string;
  readonly body: string;
}

/** A snapshot to be written: its JSON in parts, so that nobody waits for it. */
export interface RulesToSave {
  readonly revision: number;
  readonly sha256: string;
  readonly signature: string;
  readonly parts: () => Iterable<string>;
}

/** The last rules on disk, so that a gateway starts without the config center. */
export interface SnapshotFile {
  /** Snapshots found whole, newest first; a damaged one is skipped, never half used. */
  read(): AsyncIterable<SavedRules>;
  /**
   * Writes a snapshot so that a crash leaves the old or the new one. Of those that come while one is written only the
   * last is.
   */
  write(rules: RulesToSave): Promise<void>;
}

/** Files `rules-<time>-<revision>.json` in a folder: sha256 of the rest and signature on the first line, then the JSON. Mode 600. */
export function snapshotFile(folder: string): SnapshotFile {
  let last: Promise<void> = Promise.resolve();
  let newest: RulesToSave | undefined;
  return {
    async *read() {
      for (const name of await namesIn(folder)) {
        const found = await readOne(join(folder, name));
        if (found !== undefined) yield found;
      }
    },
    write(rules) {
      newest = rules;
      last = last
        .catch(() => {})
        .then(async () => {
          if (newest === rules) await writeOne(folder, rules);
        });
      return last;
    },
  };
}

async function writeOne(folder: string, { revision, sha256, signature, parts }: RulesToSave): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // The time leads the name: after a new epoch a lower revision is the newer one.
  const path = join(folder, `rules-${Date.now().toString().padStart(15, '0')}-${revision}.json`);
  const file = await open(`${path}.tmp`, 'w', 0o600);
  try {
    await file.write(`${sha256} ${signature}\n`);
    for (const part of parts()) await file.write(part);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.tmp`, path);
  const outdated = (await namesIn(folder)).slice(KEPT);
  await Promise.all(outdated.map((name) => rm(join(folder, name), { force: true })));
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder);
    return names
      .filter((name) => /^rules-\d+-\d+\.json$/.test(name))
      .sort()
      .reverse();
  } catch {
    return [];
  }
}

async function readOne(path: string): Promise<SavedRules | undefined> {
  const content = await readFile(path, 'utf8');
  const end = content.indexOf('\n');
  const body = content.slice(end + 1);
  const sha256 = createHash('sha256').update(body).digest('hex');
  const [said, signature = ''] = content.slice(0, end).split(' ');
  return sha256 === said ? { sha256, signature, body } : undefined;
}
