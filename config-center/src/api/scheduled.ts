import { ADMIN_API, type ScheduledRow } from '@ai-gateway/contracts';
import type { Express, RequestHandler } from 'express';
import { sessionFor } from '../auth/authorize.ts';
import { endScheduled, insertScheduled, listScheduled, readScheduled } from '../db/scheduled.ts';
import type { Store } from '../db/store.ts';
import { Refusal } from '../domain/faults.ts';
import type { Publisher } from '../publish/publisher.ts';
import { checkDrafts, revisionsOf } from '../publish/scheduled-writes.ts';
import { handle } from './handle.ts';

export interface ScheduledOptions {
  readonly store: Store;
  readonly publisher: Publisher;
  readonly authorize: RequestHandler;
  readonly now: () => string;
}

/** Registers what schedules changes, lists and cancels them; the scheduler makes them. */
export function scheduledRoutes(app: Express, { store, publisher, authorize, now }: ScheduledOptions): void {
  handle(app, ADMIN_API.scheduled.list, authorize, ({ query }) => listScheduled(store.connection, query));
  handle(app, ADMIN_API.scheduled.create, authorize, async ({ body, response }) => {
    const { writes } = body;
    const effectiveFrom = new Date(body.effectiveFrom).toISOString();
    const at = now();
    if (effectiveFrom <= at) {
      const message = 'It is not in the future.';
      throw new Refusal(400, 'The request is not valid.', [{ path: 'effectiveFrom', message }]);
    }
    checkDrafts(writes);
    await revisionsOf(store, writes);
    const { administrator: actor } = sessionFor(response);
    return store.transaction(async (resources, connection) => {
      const baseRevision = publisher.current().revision;
      const id = await insertScheduled(connection, { effectiveFrom, createdAt: at, actor, baseRevision, writes });
      const row = await present(id, () => readScheduled(connection, id));
      await resources.record({ at, actor, action: 'create', kind: 'scheduled', rowId: String(id), after: row });
      return row;
    });
  });
  handle(app, ADMIN_API.scheduled.cancel, authorize, ({ params, response }) =>
    store.transaction(async (resources, connection) => {
      const at = now();
      const { administrator: actor } = sessionFor(response);
      const id = /^\d{1,15}$/.test(params.id ?? '') ? Number(params.id) : -1;
      const before = await present(id, () => readScheduled(connection, id));
      if (!(await endScheduled(connection, id, { status: 'cancelled', at })))
        throw new Refusal(409, `The change is not pending any more: ${before.status}.`);
      await resources.record({ at, actor, action: 'delete', kind: 'scheduled', rowId: String(id), before });
      return present(id, () => readScheduled(connection, id));
    }),
  );
}

/** @throws Refusal 404 */
async function present(id: number, read: () => Promise<ScheduledRow | undefined>): Promise<ScheduledRow> {
  const row = await read();
  if (row === undefined) throw new Refusal(404, `There is no scheduled change ${id}.`);
  return row;
}
