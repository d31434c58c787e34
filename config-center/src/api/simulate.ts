import { ADMIN_API, type Policy, policyShape, type Snapshot } from '@ai-gateway/contracts';
import type { Express, RequestHandler } from 'express';
import { listRequestLog } from '../db/request-log.ts';
import { newId, type Store } from '../db/store.ts';
import { type Fault, Refusal } from '../domain/faults.ts';
import type { Publisher } from '../publish/publisher.ts';
import { runSimulation } from '../simulate/run.ts';
import type { SimulatedRules } from '../simulate/simulate.ts';
import { handle } from './handle.ts';
import { policies } from './kinds.ts';

export interface SimulateRouteOptions {
  readonly store: Store;
  readonly publisher: Publisher;
  readonly authorize: RequestHandler;
}

const BOUNDS = { maxRecords: 100_000, timeoutMs: 60_000 };

/** What draft policies would have done to the requests of the log. */
export function simulateRoutes(app: Express, { store, publisher, authorize }: SimulateRouteOptions): void {
  handle(app, ADMIN_API.simulate.simulate, authorize, async ({ body: { namespaceId, policies: drafts, from, to } }) => {
    // Written by the publisher from checked rows.
    const snapshot = JSON.parse(publisher.current().body) as Snapshot;
    if (!snapshot.namespaces.some(({ id }) => id === namespaceId)) {
      const message = 'There is no such namespace.';
      throw new Refusal(400, message, [{ path: 'namespaceId', message }]);
    }
    const rows = drafts.map(({ id = newId('pol'), ...draft }) => policyShape.parse({ ...draft, id }));
    await checkDrafts(rows, store);
    const draftIds = rows.map(({ id }) => id);
    const rules = withDrafts(snapshot, rows);
    const range = { fromMs: Date.parse(from), toMs: Date.parse(to), order: 'oldest' as const };
    const others = sharesCounters(rules) ? undefined : namespaceId;
    return runSimulation(
      { rules, namespaceId, draftIds },
      (after, size) => listRequestLog(store.connection, { ...range, namespaceId: others, after, size }),
      BOUNDS,
    );
  });
}

/** @throws Refusal 400 with every fault, by the checks of saving */
async function checkDrafts(rows: readonly Policy[], store: Store): Promise<void> {
  const faults: Fault[] = [];
  for (const [index, row] of rows.entries()) {
    const found = await policies.check(row, store);
    faults.push(...found.map(({ path, message }) => ({ path: `policies.${index}.${path}`, message })));
  }
  if (faults.length > 0) throw new Refusal(400, 'The draft is not valid.', faults);
}

/** The rules with drafts in the place of the policies that they would replace; nothing that the thread need not know. */
function withDrafts(snapshot: Snapshot, drafts: readonly Policy[]): SimulatedRules {
  const ids = new Set(drafts.map(({ id }) => id));
  return {
    namespaces: snapshot.namespaces,
    matchers: snapshot.matchers,
    policies: [...snapshot.policies.filter(({ id }) => !ids.has(id)), ...drafts],
    layeredLimits: snapshot.layeredLimits,
    prices: snapshot.prices,
    keys: snapshot.virtualKeys.map(({ id, name }) => ({ id, name })),
  };
}

/** Whether requests of other namespaces take from the same counters. */
function sharesCounters({ policies: all, layeredLimits }: SimulatedRules): boolean {
  return (
    layeredLimits.some(({ isEnabled }) => isEnabled) ||
    all.some(({ isEnabled, namespaceId }) => isEnabled && namespaceId === undefined)
  );
}
