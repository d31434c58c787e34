import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Snapshot, snapshotShape } from '@ai-gateway/contracts';
import type { RulesSigner } from '@ai-gateway/contracts/secrets';

/** Snapshots kept on disk; the newest that is whole is used. */
const KEPT = 3;

/** The last rules on disk, so that a gateway starts without the config center. */
export interface SnapshotFile {
  /** Snapshots found whole and signed, newest first; any other is skipped, never half used. */
  read(): Promise<readonly Snapshot[]>;
  /** Writes a snapshot so that a crash leaves the old or the new one. */
  write(snapshot: Snapshot): Promise<void>;
}

/** Files `rules-<time>-<revision>.json` in a folder: the signature of the rest on the first line, then the snapshot. Mode 600. */
export function snapshotFile(folder: string, signer: RulesSigner): SnapshotFile {
  let last: Promise<void> = Promise.resolve();
  return {
    async read() {
      const names = await namesIn(folder);
      const found = await Promise.all(names.map((name) => readOne(join(folder, name), signer)));
      return found.filter((snapshot) => snapshot !== undefined);
    },
    write(snapshot) {
      last = last.catch(() => {}).then(() => writeOne(folder, snapshot, signer));
      return last;
    },
  };
}

async function writeOne(folder: string, snapshot: Snapshot, signer: RulesSigner): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const json = JSON.stringify(snapshot);
  // The time leads the name: after a new epoch a lower revision is the newer one.
  const path = join(folder, `rules-${Date.now().toString().padStart(15, '0')}-${snapshot.revision}.json`);
  await writeFile(`${path}.tmp`, `${signer.sign({ ...snapshot, sha256: sha256(json) })}\n${json}`, {
    mode: 0o600,
    flush: true,
  });
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

async function readOne(path: string, signer: RulesSigner): Promise<Snapshot | undefined> {
  const content = await readFile(path, 'utf8');
  const end = content.indexOf('\n');
  const json = content.slice(end + 1);
  const parsed = snapshotShape.safeParse(parsedJson(json));
  if (!parsed.success) return undefined;
  return signer.isSigned({ ...parsed.data, sha256: sha256(json) }, content.slice(0, end)) ? parsed.data : undefined;
}

/** What was cut off is no JSON. */
function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
