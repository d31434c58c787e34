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

/** Actors of revisions that no administrator made, as in the audit log. */
const STARTED = 'seed';
const BY_HAND = 'sql';

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
  /** Runs a change and, in the same transaction, makes a revision in the name of `actor` if the rules differ by it. */
  change<T>(work: (resources: Resources) => Promise<T>, actor?: string): Promise<T>;
  /** Resolves when something newer than what the caller has is current, or after `waitMs`, or when `signal` aborts. */
  waitForNewer(
    known: { readonly epoch: string; readonly revision: number },
    waitMs: number,
    signal: AbortSignal,
  ): Promise<void>;
  waiting(): number;
  /** Reads the newest revision, which another config center on the same database may have made. */
  refresh(): Promise<void>;
  /** Tells of every newer revision, whoever made it. */
  onChange(listener: () => void): void;
  /** Makes a revision if rows have been edited by hand, or by another config center. */
  lookForEdits(): Promise<void>;
  /** Rows edited by hand that are not valid; what was published of them before goes on. */
  refusedRows(): readonly RefusedRow[];
}

export async function publisher(store: Store, now: () => string): Promise<Publisher> {
  const epoch = await epochOf(store);
  const waiters = new Set<() => void>();
  const listeners: (() => void)[] = [];
  let seen = '';
  let refused: readonly RefusedRow[] = [];
  await change(async () => {});
  let current = await newest(store, epoch);

  /** An older revision than what is asked for comes from a config center that lags behind: no news. */
  function isNewer(known: { readonly epoch: string; readonly revision: number }): boolean {
    return known.epoch !== current.epoch || known.revision < current.revision;
  }

  async function refresh(): Promise<void> {
    const { revision } = await store.connection
      .selectFrom('revision')
      .select((builder) => builder.fn.max('revision').as('revision'))
      .executeTakeFirstOrThrow();
    if (Number(revision) <= current.revision) return;
    const read = await newest(store, epoch);
    // Reads overlap; the one that began first may end last.
    if (read.revision <= current.revision) return;
    current = read;
    for (const tell of [...waiters, ...listeners]) tell();
  }

  async function change<T>(work: (resources: Resources) => Promise<T>, actor = STARTED): Promise<T> {
    const changed = await store.transaction(async (resources, connection) => {
      const at = now();
      if ((await fingerprintOf(connection)) !== seen) await revise(resources, connection, { at, actor: BY_HAND });
      const done = await work(resources);
      const refusedNow = await revise(resources, connection, { at, actor });
      return { done, refusedNow, fingerprint: await fingerprintOf(connection) };
    });
    seen = changed.fingerprint;
    refused = changed.refusedNow;
    return changed.done;
  }

  return {
    current: () => current,
    refusedRows: () => refused,
    async lookForEdits() {
      const fingerprint = await fingerprintOf(store.connection);
      if (fingerprint === seen) return;
      // Mostly it was another config center, which has made the revision: then nothing is written, so that two of them do
      // not wake each other for ever.
      const found = await compare(store, store.connection);
      if (found.isPublished) {
        seen = fingerprint;
        refused = found.refused;
      } else await change(async () => {});
      await refresh();
    },
    waiting: () => waiters.size,
    refresh,
    onChange: (listener) => listeners.push(listener),
    async change(work, actor) {
      const result = await change(work, actor);
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

/** The rules that the rows make, beside the newest revision. */
async function compare(resources: Resources, connection: Connection) {
  const last = await connection.selectFrom('revision').selectAll().orderBy('revision', 'desc').executeTakeFirst();
  const published = last && (JSON.parse(String(last.content)) as SnapshotContent);
  const { content: rules, refused } = soundContent(buildSnapshot(await allRows(resources)), published);
  const content = JSON.stringify(rules);
  const sha256 = hashOf(content);
  return { last, published, rules, refused, content, sha256, isPublished: last?.sha256 === sha256 };
}

async function revise(
  resources: Resources,
  connection: Connection,
  { at, actor }: { readonly at: string; readonly actor: string },
): Promise<readonly RefusedRow[]> {
  const { last, published, rules, refused, content, sha256, isPublished } = await compare(resources, connection);
  if (isPublished) return refused;
  if (actor === BY_HAND && published !== undefined) await adoptEdits({ resources, connection, at }, published, rules);
  await connection.insertInto('revision').values({ created_at: at, actor, sha256, content }).execute();
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
