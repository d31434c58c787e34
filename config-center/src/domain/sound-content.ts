import { locationFaults, portkeyConfigFaults, type RefusedRow, snapshotShape } from '@ai-gateway/contracts';
import type { z } from 'zod';
import type { TableName } from '../db/tables.ts';
import type { SnapshotContent } from './build-snapshot.ts';
import {
  checkAccount,
  checkLayeredLimit,
  checkMatcher,
  checkPolicy,
  checkProvider,
  checkUpstream,
} from './check-draft.ts';
import { checkModel, checkRedirect } from './check-routing.ts';
import type { Fault } from './faults.ts';

type List = keyof SnapshotContent;

interface Kind {
  readonly list: List;
  readonly table: TableName;
  readonly shape: z.ZodType;
  readonly check?: (row: never) => readonly Fault[];
  /** Fields that name a row of another list. */
  readonly references?: Readonly<Record<string, List>>;
}

const { namespaces, matchers, policies, providers, upstreams, virtualKeys, rates, accounts } = snapshotShape.shape;
const { customerTypes, tenants, prices, layeredLimits, providerKeys, fallbacks, models, redirects, locations, users } =
  snapshotShape.shape;
const { portkeyConfigs } = snapshotShape.shape;
const ofNamespace = { namespaceId: 'namespaces' } as const;
const ofProvider = { providerId: 'providers' } as const;
const ofCustomerType = { customerTypeId: 'customerTypes' } as const;

/** The lists of a snapshot; those that others refer to come first. */
export const KINDS: readonly Kind[] = [
  { list: 'namespaces', table: 'namespace', shape: namespaces.element },
  { list: 'providers', table: 'provider', shape: providers.element, check: checkProvider },
  { list: 'customerTypes', table: 'customer_type', shape: customerTypes.unwrap().element },
  { list: 'tenants', table: 'tenant', shape: tenants.unwrap().element, references: ofCustomerType },
  { list: 'matchers', table: 'matcher', shape: matchers.element, check: checkMatcher, references: ofNamespace },
  { list: 'policies', table: 'policy', shape: policies.element, check: checkPolicy, references: ofNamespace },
  { list: 'upstreams', table: 'upstream', shape: upstreams.element, check: checkUpstream, references: ofProvider },
  {
    list: 'providerKeys',
    table: 'provider_key',
    shape: providerKeys.unwrap().element,
    references: { ...ofProvider, upstreamId: 'upstreams' },
  },
  {
    list: 'users',
    table: 'end_user',
    shape: users.unwrap().element,
    references: { ...ofCustomerType, tenantId: 'tenants' },
  },
  {
    list: 'virtualKeys',
    table: 'virtual_key',
    shape: virtualKeys.element,
    references: { ...ofCustomerType, tenantId: 'tenants', userId: 'users' },
  },
  { list: 'models', table: 'model', shape: models.unwrap().element, check: checkModel, references: ofProvider },
  {
    list: 'redirects',
    table: 'redirect',
    shape: redirects.unwrap().element,
    check: checkRedirect,
    references: ofNamespace,
  },
  {
    list: 'locations',
    table: 'location',
    shape: locations.unwrap().element,
    check: locationFaults,
    references: { ...ofProvider, upstreamId: 'upstreams' },
  },
  { list: 'prices', table: 'price', shape: prices.unwrap().element, references: ofProvider },
  {
    list: 'layeredLimits',
    table: 'layered_limit',
    shape: layeredLimits.unwrap().element,
    check: checkLayeredLimit,
    references: ofProvider,
  },
  {
    list: 'rates',
    table: 'rate',
    shape: rates.unwrap().element,
    references: { ...ofProvider, ...ofCustomerType },
  },
  {
    list: 'accounts',
    table: 'account',
    shape: accounts.unwrap().element,
    check: checkAccount,
    references: { tenantId: 'tenants', userId: 'users' },
  },
  { list: 'fallbacks', table: 'fallback', shape: fallbacks.unwrap().element, references: ofNamespace },
  {
    list: 'portkeyConfigs',
    table: 'portkey_config',
    shape: portkeyConfigs.unwrap().element,
    check: portkeyConfigFaults,
    references: ofProvider,
  },
];

type AnyRow = Readonly<Record<string, unknown>> & { readonly id: string };

/**
 * The rules without rows that are not valid, which only an edit by hand can make: what was published last stands in
 * for such a row, or nothing if there was none.
 */
export function soundContent(
  content: SnapshotContent,
  published: SnapshotContent | undefined,
): { readonly content: SnapshotContent; readonly refused: readonly RefusedRow[] } {
  const refused: RefusedRow[] = [];
  const sound: Partial<Record<List, readonly AnyRow[]>> = {};
  const idsOf = remembered((list: List) => new Set(sound[list]?.map(({ id }) => id)));
  const hasLost = remembered((list: List) => rowsIn(published, list).some(({ id }) => !idsOf(list).has(id)));
  for (const kind of KINDS) {
    const last = finder(rowsIn(published, kind.list));
    const references = Object.entries(kind.references ?? {});
    const hasGone = references.some(([, list]) => !isKept(rowsIn(published, list), sound[list]) && hasLost(list));
    const dangling = (row: AnyRow) => danglingField(row, references, idsOf);
    sound[kind.list] = rowsIn(content, kind.list).flatMap((row) => {
      const before = last(row);
      if (before === row && !hasGone) return [row];
      const fault = (isSame(before, row) ? undefined : faultOf(kind, row)) ?? dangling(row);
      if (fault === undefined) return [row];
      refused.push({ kind: kind.table, id: row.id, field: fault.path, message: fault.message });
      return before === undefined || dangling(before) !== undefined ? [] : [before];
    });
  }
  // In the order of the lists as they came, so that the same rows give the same bytes.
  const lists = Object.keys(content).map((list) => [list, sound[list as List]]);
  // Every list went through its own kind.
  return { content: Object.fromEntries(lists) as SnapshotContent, refused };
}

function rowsIn(content: SnapshotContent | undefined, list: List): readonly AnyRow[] {
  // A revision of an older release may not know the list.
  return (content?.[list] ?? []) as readonly AnyRow[];
}

function isSame(before: AnyRow | undefined, row: AnyRow): boolean {
  return before === row || JSON.stringify(before) === JSON.stringify(row);
}

/** Whether two lists hold the very same rows. */
function isKept(before: readonly AnyRow[], after: readonly AnyRow[] | undefined): boolean {
  return before.length === after?.length && before.every((row, index) => row === after[index]);
}

/** Finds the row with the id of another. Mostly it stands after the one that was found last. */
function finder(rows: readonly AnyRow[]): (row: AnyRow) => AnyRow | undefined {
  const placeOf = remembered(() => new Map(rows.map(({ id }, index) => [id, index])));
  let next = 0;
  return (row) => {
    const place = rows[next]?.id === row.id ? next : placeOf('').get(row.id);
    if (place === undefined) return undefined;
    next = place + 1;
    return rows[place];
  };
}

/** Works each answer out once, when it is first asked for. */
function remembered<Key extends string, T>(work: (key: Key) => T): (key: Key) => T {
  const answers = new Map<Key, T>();
  return (key) => {
    const known = answers.get(key);
    if (known !== undefined) return known;
    const answer = work(key);
    answers.set(key, answer);
    return answer;
  };
}

function faultOf({ shape, check }: Kind, row: AnyRow): Fault | undefined {
  const { error, data } = shape.safeParse(row);
  const issue = error?.issues[0];
  if (issue !== undefined) return { path: issue.path.join('.'), message: issue.message };
  // With the defaults, as gateways read it; the kind's own shape has just been parsed.
  return check?.(data as never)[0];
}

function danglingField(
  row: AnyRow,
  references: readonly (readonly [string, List])[],
  idsOf: (list: List) => ReadonlySet<string>,
): Fault | undefined {
  const found = references.find(([field, list]) => row[field] !== undefined && !idsOf(list).has(String(row[field])));
  return found && { path: found[0], message: `It names "${String(row[found[0]])}", which does not exist.` };
}
