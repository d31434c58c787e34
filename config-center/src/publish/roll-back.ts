import { type ProviderKey, snapshotShape } from '@ai-gateway/contracts';
import type { z } from 'zod';
import { refuseLostPayers } from '../api/billing-kinds.ts';
import type { Kind } from '../api/kind.ts';
import * as kinds from '../api/kinds.ts';
import type { Resources } from '../db/store.ts';
import type { Rows, TableName } from '../db/tables.ts';
import { withoutStamps } from '../domain/build-snapshot.ts';
import { isEqual } from '../domain/diff-rules.ts';
import { type Fault, Refusal } from '../domain/faults.ts';
import type { Revision } from './revisions.ts';

const rulesShape = snapshotShape
  .omit({ epoch: true, revision: true, createdAt: true })
  .extend({ providerKeys: snapshotShape.shape.providerKeys.unwrap().optional() });

/**
 * Writes the rows of a revision back: what is there now and was not then goes, what differs is as it was, what has gone
 * comes back under its id. Virtual keys come back too, since revisions hold their hashes: a key that was deleted works
 * again, one that was made since does not. Secrets of virtual and provider keys stay as they are now, so that one that
 * was replaced does not come back, and so does the status of users; accounts are not touched, and their payers stay; a key that was deleted comes back with its last secret, and a revision that is older than provider
 * keys leaves them alone. What cannot come back: when a deleted row was first made; what is not part of
 * the rules (sessions, counters of limits, provider keys in the environment of gateways); and rows that have exchanged a
 * name that must be unique, which is refused.
 * @param resources of one transaction, so that all of it is written or nothing
 * @throws Refusal 409 that names the rows that the checks of today do not let through
 */
export async function rollBack(revision: Revision, resources: Resources, at: string): Promise<void> {
  const rules = rulesShape.safeParse(revision.rules);
  if (!rules.success) throw new Refusal(409, 'The revision is of an older version and is not valid any more.');
  const { data } = rules;
  // Each after those that it names.
  const steps = [
    stepOf(kinds.customerTypes, data.customerTypes, resources, at),
    stepOf(kinds.tenants, data.tenants, resources, at),
    stepOf(kinds.namespaces, data.namespaces, resources, at),
    stepOf(kinds.providers, data.providers, resources, at),
    stepOf(kinds.upstreams, data.upstreams, resources, at),
    stepOf(kinds.providerKeys, await wantedKeys(data, resources), resources, at),
    stepOf(kinds.users, data.users, resources, at),
    stepOf(kinds.virtualKeys, data.virtualKeys, resources, at),
    stepOf(kinds.prices, data.prices, resources, at),
    stepOf(kinds.rates, data.rates, resources, at),
    stepOf(kinds.matchers, data.matchers, resources, at),
    stepOf(kinds.layeredLimits, data.layeredLimits, resources, at),
    stepOf(kinds.fallbacks, data.fallbacks, resources, at),
    stepOf(kinds.policies, data.policies, resources, at),
    stepOf(kinds.models, data.models, resources, at),
    stepOf(kinds.redirects, data.redirects, resources, at),
    stepOf(kinds.locations, data.locations, resources, at),
    stepOf(kinds.portkeyConfigs, data.portkeyConfigs, resources, at),
  ];
  for (const { remove } of steps.toReversed()) await remove();
  for (const { write } of steps) await write();
  await refuseLostPayers(resources);
  const faults: Fault[] = [];
  for (const { check } of steps) faults.push(...(await check()));
  if (faults.length > 0) throw new Refusal(409, 'The revision does not pass the checks of today.', faults);
}

/** What is done with one kind of rows. */
interface Step {
  readonly remove: () => Promise<void>;
  readonly write: () => Promise<void>;
  readonly check: () => Promise<readonly Fault[]>;
}

function stepOf<Name extends TableName>(
  kind: Kind<Name>,
  wanted: readonly Rows[Name][],
  resources: Resources,
  at: string,
): Step {
  const ids = new Set(wanted.map(({ id }) => id));
  const written: Rows[Name][] = [];
  return {
    async remove() {
      for (const { id } of await resources.all(kind.table)) {
        if (!ids.has(id)) await resources.remove(kind.table, { id });
      }
    },
    async write() {
      const present = new Map((await resources.all(kind.table)).map((row) => [row.id, row]));
      for (const row of wanted) {
        const before = present.get(row.id);
        const wantedRow = before === undefined ? row : withKept(kind, row, before);
        if (before !== undefined && isEqual(withoutStamps(before), wantedRow)) continue;
        await writeRow(kind, wantedRow, before === undefined ? resources.insert : resources.update, at);
        written.push(wantedRow);
      }
    },
    async check() {
      const faults: Fault[] = [];
      // The others are as they were when they passed, and so is what they name.
      for (const row of written) {
        const found = await kind.check(row, resources);
        faults.push(...found.map(({ path, message }) => ({ path: `${kind.table} ${row.id} ${path}`.trim(), message })));
      }
      return faults;
    },
  };
}

/** The row of the revision, with the fields of today that nobody replaces with the others. */
function withKept<Name extends TableName>(kind: Kind<Name>, row: Rows[Name], before: Rows[Name]): Rows[Name] {
  return { ...row, ...Object.fromEntries((kind.kept ?? []).map((field) => [field, before[field]])) };
}

/** A revision that is older than provider keys takes only those whose provider or upstream goes. */
async function wantedKeys(
  { providerKeys, providers, upstreams }: z.infer<typeof rulesShape>,
  resources: Resources,
): Promise<readonly ProviderKey[]> {
  if (providerKeys !== undefined) return providerKeys;
  const providerIds = new Set(providers.map(({ id }) => id));
  const upstreamIds = new Set(upstreams.map(({ id }) => id));
  const present = await resources.all('provider_key');
  return present
    .filter(
      ({ providerId, upstreamId = '' }) =>
        providerIds.has(providerId) && (upstreamId === '' || upstreamIds.has(upstreamId)),
    )
    .map(withoutStamps);
}

/** @throws Refusal 409 when the database does not take the row */
async function writeRow<Name extends TableName>(
  { table, name }: Kind<Name>,
  row: Rows[Name],
  write: Resources['insert'] | Resources['update'],
  at: string,
): Promise<void> {
  try {
    await write(table, row, at);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Refusal(409, `The ${name} ${row.id} cannot be written back.`, [{ path: row.id, message }]);
  }
}
