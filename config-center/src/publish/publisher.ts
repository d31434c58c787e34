import { randomUUID } from 'node:crypto';
import { bodyParts, deltasBetween, type RefusedRow } from '@ai-gateway/contracts';
import type { Connection } from '../db/connection.ts';
import { insertIfAbsent, type Resources, type Store } from '../db/store.ts';
import type { TableName } from '../db/tables.ts';
import type { SnapshotContent } from '../domain/build-snapshot.ts';
import { contentOf, hasSameRows } from '../domain/changed-rows.ts';
import type { WrittenChange } from '../domain/lint/lint.ts';
import { fingerprintOf, readTables, tablesBetween } from './hand-edits.ts';
import { caughtUp, type HeldRules, newestRules, type Turn, withEdits, withTouched } from './held-rules.ts';
import type { DeltaText } from './revision-rows.ts';
import { noting } from './touched-rows.ts';

/** Actors of revisions that no administrator made, as in the audit log. */
const STARTED = 'seed';
const BY_HAND = 'sql';

/** The newest rules, ready to be sent. */
export interface Published {
  readonly epoch: string;
  readonly revision: number;
  /** Put together when it is first asked for. */
  readonly body: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** What led to this revision from those before it, the newest last. */
  readonly deltas: readonly DeltaText[];
}

/** What a change does within its transaction. */
type Work<T> = (resources: Resources, connection: Connection) => Promise<T>;

type Listener = (change: WrittenChange) => void;

/** Turns changes into revisions and tells who waits for them. */
export interface Publisher {
  current(): Published;
  /**
   * Runs a change and, in the same transaction, makes a revision in the name of `actor` if the rules differ by it. Policy
   * tests are asked as `tests` says, else not at all; what they throw undoes the change. `onWritten` is told what it has
   * written, before it is committed.
   */
  change<T>(work: Work<T>, actor?: string, tests?: PolicyTestsUse, onWritten?: Listener): Promise<T>;
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

/** `ignore`: what they would say does not matter, and the audit log is told so. */
export type PolicyTestsUse = 'run' | 'ignore';

/** A revision that is about to be made. */
export interface RuleChange {
  readonly revision: number;
  readonly before: SnapshotContent;
  readonly after: SnapshotContent;
  readonly tests: PolicyTestsUse;
}

/**
 * Judges a change of the rules before it is made, in its transaction.
 * @throws Refusal when it must not be made
 */
export type Guard = (change: RuleChange, turn: Turn) => Promise<void>;

const LETS_PASS: Guard = async () => {};

export async function publisher(store: Store, now: () => string, guard: Guard = LETS_PASS): Promise<Publisher> {
  const epoch = await epochOf(store);
  const waiters = new Set<() => void>();
  const listeners: (() => void)[] = [];
  let held = await newestRules(store.connection, epoch);
  let current = publishedOf(held);
  await change(async () => {});

  /** An older revision than what is asked for comes from a config center that lags behind: no news. */
  function isNewer(known: { readonly epoch: string; readonly revision: number }): boolean {
    return known.epoch !== current.epoch || known.revision < current.revision;
  }

  /** Changes overlap; what was committed first may be told last. */
  function hold(next: HeldRules): void {
    if (next.head.revision < held.head.revision) return;
    held = next;
    if (next.head.revision === current.revision) return;
    current = publishedOf(next);
    for (const tell of [...waiters, ...listeners]) tell();
  }

  async function change<T>(work: Work<T>, actor = STARTED, tests?: PolicyTestsUse, onWritten?: Listener): Promise<T> {
    const { done, next } = await store.transaction(async (resources, connection) => {
      const turn = { resources, connection, at: now(), actor };
      const before = await withEdits(await caughtUp(held, connection), { ...turn, actor: BY_HAND });
      const touched = new Map<TableName, Set<string>>();
      const result = await work(noting(resources, touched), connection);
      const after = await withTouched(before, touched, turn);
      if (tests !== undefined) await guardMade({ before, after, tests }, guard, turn);
      onWritten?.({ before: contentOf(before.lists), after: contentOf(after.lists), written: touched });
      return { done: result, next: after };
    });
    hold(next);
    return done;
  }

  async function refresh(): Promise<void> {
    hold(await caughtUp(held, store.connection));
  }

  return {
    current: () => current,
    refusedRows: () => held.refused,
    async lookForEdits() {
      await refresh();
      const before = held;
      const fingerprint = await fingerprintOf(store.connection);
      const tables = tablesBetween(before.fingerprint, fingerprint);
      if (tables.length === 0) return;
      // Where nothing of the rules has changed nothing is written, so that two config centers do not wake each other
      // for ever.
      const asRead = await readTables(store, tables, before);
      const isSame = hasSameRows(asRead, before.asRead);
      if (isSame && before === held) held = { ...held, asRead, fingerprint };
      if (!isSame) await change(async () => {});
    },
    waiting: () => waiters.size,
    refresh,
    onChange: (listener) => listeners.push(listener),
    change,
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

/** Asks the guard if a revision was made. */
async function guardMade(
  { before, after, tests }: { readonly before: HeldRules; readonly after: HeldRules; readonly tests: PolicyTestsUse },
  guard: Guard,
  turn: Turn,
): Promise<void> {
  const { revision } = after.head;
  if (revision === before.head.revision) return;
  await guard({ revision, before: contentOf(before.lists), after: contentOf(after.lists), tests }, turn);
}

/** The deltas from a revision to the newest; undefined when some are not at hand. */
export function deltasSince(
  { epoch, revision, deltas }: Published,
  known: { readonly epoch: string; readonly revision: number },
): readonly DeltaText[] | undefined {
  return known.epoch === epoch ? deltasBetween(deltas, known.revision, revision) : undefined;
}

function publishedOf({ head, sha256, sizeBytes, lists, deltas }: HeldRules): Published {
  let body: string | undefined;
  return {
    epoch: head.epoch,
    revision: head.revision,
    sha256,
    sizeBytes,
    deltas,
    get body() {
      body ??= [...bodyParts(head, lists)].join('');
      return body;
    },
  };
}

/** Drawn once per database, so that gateways notice when they are given another one's revisions. */
async function epochOf({ connection }: Store): Promise<string> {
  await insertIfAbsent(connection, 'meta', { name: 'epoch', value: randomUUID() });
  const row = await connection.selectFrom('meta').select('value').where('name', '=', 'epoch').executeTakeFirstOrThrow();
  return String(row.value);
}
