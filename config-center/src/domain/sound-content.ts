import { locationFaults, type RefusedRow, snapshotShape } from '@ai-gateway/contracts';
import type { z } from 'zod';
import type { TableName } from '../db/tables.ts';
import type { SnapshotContent } from './build-snapshot.ts';
import { checkLayeredLimit, checkMatcher, checkPolicy, checkProvider, checkUpstream } from './check-draft.ts';
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

const { namespaces, matchers, policies, providers, upstreams, virtualKeys } = snapshotShape.shape;
const { customerTypes, tenants, prices, layeredLimits, models, redirects, locations, users } = snapshotShape.shape;
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
  const idsOf = (list: List) => new Set(sound[list]?.map(({ id }) => id));
  for (const kind of KINDS) {
    const last = new Map<string, AnyRow>(published?.[kind.list]?.map((row) => [row.id, row as AnyRow]));
    const references = Object.entries(kind.references ?? {}).map(([field, list]) => [field, idsOf(list)] as const);
    sound[kind.list] = content[kind.list].flatMap((each) => {
      const row = each as AnyRow;
      const before = last.get(row.id);
      const isUnchanged = before !== undefined && JSON.stringify(before) === JSON.stringify(row);
      const fault = (isUnchanged ? undefined : faultOf(kind, row)) ?? danglingField(row, references);
      if (fault === undefined) return [row];
      refused.push({ kind: kind.table, id: row.id, field: fault.path, message: fault.message });
      return before === undefined || danglingField(before, references) !== undefined ? [] : [before];
    });
  }
  // In the order of the lists as they came, so that the same rows give the same bytes.
  const lists = Object.keys(content).map((list) => [list, sound[list as List]]);
  // Every list went through its own kind.
  return { content: Object.fromEntries(lists) as SnapshotContent, refused };
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
  references: readonly (readonly [string, ReadonlySet<string>])[],
): Fault | undefined {
  const found = references.find(([field, ids]) => row[field] !== undefined && !ids.has(String(row[field])));
  return found && { path: found[0], message: `It names "${String(row[found[0]])}", which does not exist.` };
}
