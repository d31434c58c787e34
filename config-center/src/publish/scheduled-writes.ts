import { ADMIN_API, type ScheduledResource, type ScheduledWrite } from '@ai-gateway/contracts';
import type { Kind } from '../api/kind.ts';
import {
  customerTypes,
  fallbacks,
  layeredLimits,
  locations,
  matchers,
  models,
  namespaces,
  policies,
  portkeyConfigs,
  prices,
  providers,
  rates,
  redirects,
  tenants,
  upstreams,
} from '../api/kinds.ts';
import { type Writes, writesOf } from '../api/writes.ts';
import type { Resources, Store } from '../db/store.ts';
import type { TableName } from '../db/tables.ts';
import { type Fault, Refusal } from '../domain/faults.ts';
import { readRuleSet } from '../domain/rule-set/read-file.ts';
import { planFile, writePlan } from './apply-rule-set.ts';
import { type Revision, readRevision } from './revisions.ts';
import { rollBack } from './roll-back.ts';

/**
 * Checks the drafts of writes as the calls for them would.
 * @throws Refusal 400 with every fault
 */
export function checkDrafts(writes: readonly ScheduledWrite[]): void {
  const faults = writes.flatMap((write, index) => {
    if (write.action === 'apply') return fileFaults(write.file, `writes.${index}.file`);
    const error = 'draft' in write ? shapeOf(write).safeParse(write.draft).error : undefined;
    return (error?.issues ?? []).map(
      ({ path, message }): Fault => ({ path: ['writes', index, 'draft', ...path].join('.'), message }),
    );
  });
  if (faults.length > 0) throw new Refusal(400, 'The request is not valid.', faults);
}

function fileFaults(file: unknown, at: string): readonly Fault[] {
  try {
    readRuleSet(file);
    return [];
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.faults.length === 0) return [{ path: at, message: error.message }];
    return error.faults.map(({ path, message }) => ({ path: `${at}.${path}`, message }));
  }
}

/** The revisions that writes go back to, read before the transaction of the writes begins. */
export async function revisionsOf(store: Store, writes: readonly ScheduledWrite[]): Promise<readonly Revision[]> {
  const revisions: Revision[] = [];
  for (const write of writes) {
    if (write.action === 'rollback') revisions.push(await readRevision(store, String(write.revision)));
  }
  return revisions;
}

/**
 * Makes writes within a transaction, one after the other.
 * @throws Refusal as the calls for them would
 */
export async function make(
  writes: readonly ScheduledWrite[],
  revisions: readonly Revision[],
  { resources, at }: { readonly resources: Resources; readonly at: string },
): Promise<void> {
  for (const write of writes) {
    if (write.action === 'rollback') {
      const revision = revisions.find((each) => each.revision === write.revision);
      if (revision !== undefined) await rollBack(revision, resources, at);
      continue;
    }
    if (write.action === 'apply') {
      await writePlan(await planFile(write, resources), resources, at);
      continue;
    }
    const rows = rowsOf(write.resource, () => at);
    const reach = { rows: resources, all: resources };
    if (write.action === 'delete') await rows.remove(write.id, reach);
    // The shape of the resource's own call has let it through.
    else if (write.action === 'create') await rows.create(shapeOf(write).parse(write.draft) as never, reach);
    else await rows.update(write.id, shapeOf(write).parse(write.draft) as never, reach);
  }
}

function shapeOf({ action, resource }: Extract<ScheduledWrite, { readonly draft: unknown }>) {
  return ADMIN_API[resource][action].body;
}

const KINDS = {
  namespaces,
  matchers,
  policies,
  providers,
  upstreams,
  customerTypes,
  tenants,
  prices,
  rates,
  layeredLimits,
  models,
  redirects,
  locations,
  fallbacks,
  portkeyConfigs,
} as const satisfies Record<ScheduledResource, unknown>;

function rowsOf(resource: ScheduledResource, now: () => string): Writes<TableName> {
  // Drafts have been checked by the shape of their resource, which the type of a write cannot say.
  return writesOf(KINDS[resource] as unknown as Kind<TableName>, now);
}
