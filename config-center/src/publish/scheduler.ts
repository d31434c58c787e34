import type { ScheduledRow } from '@ai-gateway/contracts';
import type { Logger } from 'pino';
import { audited } from '../db/audited.ts';
import { isAway } from '../db/errors.ts';
import { dueScheduled, endScheduled } from '../db/scheduled.ts';
import type { Store } from '../db/store.ts';
import { Refusal } from '../domain/faults.ts';
import type { Publisher } from './publisher.ts';
import { make, revisionsOf } from './scheduled-writes.ts';

/** How often it is looked for changes whose time has come, ms. */
const LOOK_MS = 250;

export interface SchedulerOptions {
  readonly store: Store;
  readonly publisher: Publisher;
  readonly log: Logger;
  readonly now: () => string;
}

/** Makes scheduled changes when their time comes. Any number of config centers may run one: each change is made once. */
export interface Scheduler {
  /** Changes that this process has made, and those that failed. */
  counts(): { readonly done: number; readonly failed: number };
  stop(): void;
}

export function scheduler({ store, publisher, log, now }: SchedulerOptions): Scheduler {
  const counts = { done: 0, failed: 0 };
  let isStopped = false;
  let timer = setTimeout(() => void look(), 0);

  async function look(): Promise<void> {
    try {
      for (const change of await dueScheduled(store.connection, now())) await activate(change);
    } catch (error) {
      // What is pending stays so until the database is back.
      if (!isStopped) log.warn({ error: String(error) }, 'looking for scheduled changes failed');
    }
    if (!isStopped) timer = setTimeout(() => void look(), LOOK_MS);
  }

  /** @throws when the database is away: the change then stays pending */
  async function activate({ id, actor, writes }: ScheduledRow): Promise<void> {
    try {
      const revisions = await revisionsOf(store, writes);
      const isOurs = await publisher.change(
        async (resources, connection) => {
          const at = now();
          // Changes take turns, so another config center has ended it before this one looks, or waits.
          if (!(await endScheduled(connection, id, { status: 'done', at }))) return false;
          await make(writes, revisions, { resources: audited(resources, actor, at), at });
          return true;
        },
        actor,
        'run',
      );
      if (!isOurs) return;
      counts.done++;
      log.info({ id, revision: publisher.current().revision }, 'scheduled change made');
    } catch (error) {
      if (isAway(error)) throw error;
      await fail(id, reasonOf(error));
    }
  }

  async function fail(id: number, reason: string): Promise<void> {
    const at = now();
    const isOurs = await store.transaction(async (resources, connection) => {
      if (!(await endScheduled(connection, id, { status: 'failed', at, reason }))) return false;
      const after = { status: 'failed', reason };
      await resources.record({ at, actor: 'scheduler', action: 'update', kind: 'scheduled', rowId: String(id), after });
      return true;
    });
    if (!isOurs) return;
    counts.failed++;
    log.error({ id, reason }, 'scheduled change failed');
  }

  return {
    counts: () => counts,
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Refusal)) return error instanceof Error ? error.message : String(error);
  const faults = error.faults.map(({ path, message }) => `${path}: ${message}`.replace(/^: /, ''));
  return [error.message, ...faults].join(' ');
}
