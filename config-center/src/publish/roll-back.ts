import { snapshotShape, type User, type VirtualKey } from '@ai-gateway/contracts';
import type { Kind } from '../api/kind.ts';
import * as kinds from '../api/kinds.ts';
import type { Resources } from '../db/store.ts';
import type { Rows, TableName } from '../db/tables.ts';
import { isEqual } from '../domain/diff-rules.ts';
import { type Fault, Refusal } from '../domain/faults.ts';
import type { Revision } from './revisions.ts';

const rulesShape = snapshotShape.omit({ epoch: true, revision: true, createdAt: true });

/**
 * Writes the rows of a revision back: what is there now and was not then goes, what differs is as it was, what has gone
 * comes back under its id. Virtual keys come back too, since revisions hold their hashes: a key that was deleted works
 * again, one that was made since does not;  one that was given a new secret keeps it, and
 * so do users their status. What cannot come back: when a deleted row was first made; what is not part of
 * the rules (sessions, counters of limits, provider keys in the environment of gateways); and rows that have exchanged a
 * name that must be unique, which is refused.
 * @param resources of one transaction, so that all of it is written or nothing
 * @throws Refusal 409 that names the rows that the checks of today do not let through
 */
export async function rollBack(revision: Revision, resources: Resources, at: string): Promise<void> {
  const rules = rulesShape.safeParse(JSON.parse(revision.content));
  if (!rules.success) throw new Refusal(409, 'The revision is of an older version and is not valid any more.');
  const { data } = rules;
  const users = withPresentStatus(data.users, await resources.all('end_user'));
  const virtualKeys = withPresentSecrets(data.virtualKeys, await resources.all('virtual_key'));
  // Each after those that it names.
  const steps = [
    stepOf(kinds.customerTypes, data.customerTypes, resources, at),
    stepOf(kinds.tenants, data.tenants, resources, at),
    stepOf(kinds.namespaces, data.namespaces, resources, at),
    stepOf(kinds.providers, data.providers, resources, at),
    stepOf(kinds.upstreams, data.upstreams, resources, at),
    stepOf(kinds.users, users, resources, at),
    stepOf(kinds.virtualKeys, virtualKeys, resources, at),
    stepOf(kinds.prices, data.prices, resources, at),
    stepOf(kinds.matchers, data.matchers, resources, at),
    stepOf(kinds.layeredLimits, data.layeredLimits, resources, at),
    stepOf(kinds.policies, data.policies, resources, at),
    stepOf(kinds.models, data.models, resources, at),
    stepOf(kinds.redirects, data.redirects, resources, at),
    stepOf(kinds.locations, data.locations, resources, at),
  ];
  for (const { remove } of steps.toReversed()) await remove();
  for (const { write } of steps) await write();
  const faults: Fault[] = [];
  for (const { check } of steps) faults.push(...(await check()));
  if (faults.length > 0) throw new Refusal(409, 'The revision does not pass the checks of today.', faults);
}

/** The status of a user follows what the user has paid and done, not the rules. */
function withPresentStatus(wanted: readonly User[], present: readonly User[]): readonly User[] {
  const now = new Map(present.map((user) => [user.id, user]));
  return wanted.map((user) => {
    const { status, statusReason } = now.get(user.id) ?? user;
    const { statusReason: _, ...rest } = user;
    return { ...rest, status, ...(statusReason !== undefined && { statusReason }) };
  });
}

/** A rotated key keeps its new secret: the old one may have been rotated away because it was known. */
function withPresentSecrets(wanted: readonly VirtualKey[], present: readonly VirtualKey[]): readonly VirtualKey[] {
  const now = new Map(present.map((key) => [key.id, key]));
  return wanted.map(({ previousSecretHash, previousUntil, ...key }) => {
    const kept = now.get(key.id) ?? { ...key, previousSecretHash, previousUntil };
    return {
      ...key,
      prefix: kept.prefix,
      secretHash: kept.secretHash,
      ...(kept.previousSecretHash !== undefined && { previousSecretHash: kept.previousSecretHash }),
      ...(kept.previousUntil !== undefined && { previousUntil: kept.previousUntil }),
    };
  });
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
  return {
    async remove() {
      for (const { id } of await resources.all(kind.table)) {
        if (!ids.has(id)) await resources.remove(kind.table, { id });
      }
    },
    async write() {
      const present = new Map((await resources.all(kind.table)).map((row) => [row.id, row]));
      for (const row of wanted) {
        const { createdAt: _, updatedAt: __, ...now } = present.get(row.id) ?? { createdAt: '', updatedAt: '' };
        if (isEqual(now, row)) continue;
        await written(kind, row, present.has(row.id) ? resources.update : resources.insert, at);
      }
    },
    async check() {
      const faults: Fault[] = [];
      for (const row of wanted) {
        const found = await kind.check(row, resources);
        faults.push(...found.map(({ path, message }) => ({ path: `${kind.table} ${row.id} ${path}`.trim(), message })));
      }
      return faults;
    },
  };
}

/** @throws Refusal 409 when the database does not take the row */
async function written<Name extends TableName>(
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
