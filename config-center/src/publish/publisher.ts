import { createHash, randomUUID } from 'node:crypto';
import type { RefusedRow } from '@ai-gateway/contracts';
import type { Connection } from '../db/connection.ts';
import { insertIfAbsent, type Resources, type Store } from '../db/store.ts';
import { TABLES, type TableName } from '../db/tables.ts';
import { type AllRows, buildSnapshot, type SnapshotContent } from '../domain/build-snapshot.ts';
import { soundContent } from '../domain/sound-content.ts';
import { adoptEdits, fingerprintOf } from './hand-edits.ts';

/** Revisions kept in SQL. */
const KEPT_REVISIONS = 200;

/** The newest rules, ready to be sent. */
export interface Published {
  readonly epoch: string;
  readonly revision: number;
  readonly body: string;
  readonly sha256: string;
}

/** Turns changes into revisions and tells who waits for them. */
export interface Publisher {
  current(): Published;
  /** Runs a change and, in the same transaction, makes a revision if the rules differ by it. */
  change<T>(work: (resources: Resources) => Promise<T>): Promise<T>;
  /** Resolves when something newer than what the caller has is current, or after `waitMs`, or when `signal` aborts. */
  waitForNewer(
    known: { readonly epoch: string; readonly revision: number },
    waitMs: number,
    signal: AbortSignal,
  ): Promise<void>;
  waiting(): number;
  /** Makes a revision if rows have been edited by hand, or by another config center. */
  lookForEdits(): Promise<void>;
  /** Rows edited by hand that are not valid; what was published of them before goes on. */
  refusedRows(): readonly RefusedRow[];
}

export async function publisher(store: Store, now: () => string): Promise<Publisher> {
  const epoch = await epochOf(store);
  const waiters = new Set<() => void>();
  let seen = '';
  let refused: readonly RefusedRow[] = [];
  await change(async () => {});
  let current = await newest(store, epoch);

  function isNewer(known: { readonly epoch: string; readonly revision: number }): boolean {
    return known.epoch !== current.epoch || known.revision !== current.revision;
  }

  async function change<T>(work: (resources: Resources) => Promise<T>): Promise<T> {
    const changed = await store.transaction(async (resources, connection) => {
      const at = now();
      if ((await fingerprintOf(connection)) !== seen) await revise(resources, connection, { at, isByHand: true });
      const done = await work(resources);
      const refusedNow = await revise(resources, connection, { at, isByHand: false });
      return { done, refusedNow, fingerprint: await fingerprintOf(connection) };
    });
    seen = changed.fingerprint;
    refused = changed.refusedNow;
    return changed.done;
  }

  async function refresh(): Promise<void> {
    current = await newest(store, epoch);
    for (const wake of [...waiters]) wake();
  }

  return {
    current: () => current,
    refusedRows: () => refused,
    async lookForEdits() {
      if ((await fingerprintOf(store.connection)) === seen) return;
      await change(async () => {});
      await refresh();
    },
    waiting: () => waiters.size,
    async change(work) {
      const result = await change(work);
      await refresh();
      return result;
    },
    waitForNewer(known, waitMs, signal) {
      if (isNewer(known) || waitMs <= 0 || signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          waiters.delete(wake);
          signal.removeEventListener('abort', done);
          resolve();
        };
        const wake = () => {
          if (isNewer(known)) done();
        };
        const timer = setTimeout(done, waitMs);
        waiters.add(wake);
        signal.addEventListener('abort', done);
      });
    },
  };
}

async function revise(
  resources: Resources,
  connection: Connection,
  { at, isByHand }: { readonly at: string; readonly isByHand: boolean },
): Promise<readonly RefusedRow[]> {
  const last = await connection.selectFrom('revision').selectAll().orderBy('revision', 'desc').executeTakeFirst();
  const published = last && (JSON.parse(String(last.content)) as SnapshotContent);
  const { content: rules, refused } = soundContent(buildSnapshot(await allRows(resources)), published);
  const content = JSON.stringify(rules);
  const sha256 = hashOf(content);
  if (last?.sha256 === sha256) return refused;
  if (isByHand && published !== undefined) await adoptEdits({ resources, connection, at }, published, rules);
  await connection.insertInto('revision').values({ created_at: at, sha256, content }).execute();
  await connection
    .deleteFrom('revision')
    .where('revision', '<=', Number(last?.revision ?? 0) - KEPT_REVISIONS)
    .execute();
  return refused;
}

async function allRows(resources: Resources): Promise<AllRows> {
  const names = Object.keys(TABLES) as TableName[];
  const tables: [string, unknown][] = [];
  for (const name of names) tables.push([name, await resources.all(name)]);
  // Each table was read under its own name.
  return Object.fromEntries(tables) as unknown as AllRows;
}

async function newest({ connection }: Store, epoch: string): Promise<Published> {
  const row = await connection.selectFrom('revision').selectAll().orderBy('revision', 'desc').executeTakeFirstOrThrow();
  const revision = Number(row.revision);
  const content = JSON.parse(String(row.content)) as SnapshotContent;
  const body = JSON.stringify({ epoch, revision, createdAt: row.created_at, ...content });
  return { epoch, revision, body, sha256: hashOf(body) };
}

/** Drawn once per database, so that gateways notice when they are given another one's revisions. */
async function epochOf({ connection }: Store): Promise<string> {
  await insertIfAbsent(connection, 'meta', { name: 'epoch', value: randomUUID() });
  const row = await connection.selectFrom('meta').select('value').where('name', '=', 'epoch').executeTakeFirstOrThrow();
  return String(row.value);
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
