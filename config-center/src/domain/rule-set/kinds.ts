import { locationFaults, portkeyConfigFaults, type RuleSetList, ruleSetShape } from '@ai-gateway/contracts';
import type { z } from 'zod';
import type { TableName } from '../../db/tables.ts';
import { checkLayeredLimit, checkMatcher, checkPolicy, checkProvider, checkUpstream } from '../check-draft.ts';
import { checkRedirect } from '../check-routing.ts';
import type { Fault } from '../faults.ts';

/** A row of the rules or of a file: fields by name. */
export type Fields = Readonly<Record<string, unknown>>;

/** A field that holds an id in the rules, and a name in a file. */
export interface Reference {
  readonly id: string;
  readonly name: string;
  /** Undefined: the row has no such reference. */
  readonly list: (row: Fields) => RuleSetList | undefined;
}

/** A field that holds a list of objects with references of their own. */
export interface NestedReferences {
  readonly field: string;
  readonly references: readonly Reference[];
}

/** One list of a file. */
export interface RuleKind {
  readonly list: RuleSetList;
  readonly table: TableName;
  readonly prefix: string;
  readonly shape: z.ZodType;
  /** Fields of the file that say which row is meant; the others are what may change. */
  readonly identity: readonly string[];
  /** Whether two rows may have one identity. */
  readonly repeats: boolean;
  readonly references: readonly Reference[];
  readonly nested?: NestedReferences;
  readonly check?: (row: never) => readonly Fault[];
}

const to = (name: string, list: RuleSetList): Reference => ({ id: `${name}Id`, name, list: () => list });
const toNamespace = to('namespace', 'namespaces');
const toProvider = to('provider', 'providers');
const toTenant = to('tenant', 'tenants');
const toCustomerType = to('customerType', 'customerTypes');
const toNamespaces: Reference = { id: 'namespaceIds', name: 'namespaces', list: () => 'namespaces' };
const toTarget: Reference = { id: 'targetId', name: 'target', list: ({ targetType }) => TARGETS[String(targetType)] };
const TARGETS: Readonly<Record<string, RuleSetList>> = { tenant: 'tenants', customer_type: 'customerTypes' };

/** References inside the scope of a policy. */
export const SCOPE_REFERENCES: readonly Reference[] = [
  to('virtualKey', 'virtualKeys'),
  toTenant,
  toCustomerType,
  toProvider,
  to('upstream', 'upstreams'),
];

const shapeOf = (list: RuleSetList): z.ZodType => ruleSetShape.shape[list].unwrap().element;
const kind = (
  list: RuleSetList,
  table: TableName,
  prefix: string,
  rest: Omit<RuleKind, 'list' | 'table' | 'prefix' | 'shape'>,
): RuleKind => ({ list, table, prefix, shape: shapeOf(list), ...rest });

const CONDITION = ['source', 'field', 'operator', 'value'];

/** The lists of a file in its order: those that others name come first. */
export const RULE_KINDS: readonly RuleKind[] = [
  kind('customerTypes', 'customer_type', 'ct', { identity: ['name'], repeats: false, references: [] }),
  kind('tenants', 'tenant', 'ten', { identity: ['name'], repeats: false, references: [toCustomerType] }),
  kind('providers', 'provider', 'prov', { identity: ['name'], repeats: false, references: [], check: checkProvider }),
  kind('upstreams', 'upstream', 'ups', {
    identity: ['provider', 'baseUrl'],
    repeats: true,
    references: [toProvider],
    check: checkUpstream,
  }),
  kind('namespaces', 'namespace', 'ns', {
    identity: ['code'],
    repeats: false,
    references: [to('defaultProvider', 'providers'), to('defaultUpstream', 'upstreams')],
  }),
  kind('virtualKeys', 'virtual_key', 'vk', {
    identity: ['name'],
    repeats: true,
    references: [toNamespaces, toTenant, toCustomerType],
  }),
  kind('prices', 'price', 'price', { identity: ['provider', 'model'], repeats: false, references: [toProvider] }),
  kind('rates', 'rate', 'rate', {
    identity: ['customerType', 'provider', 'model'],
    repeats: false,
    references: [toCustomerType, toProvider],
  }),
  kind('matchers', 'matcher', 'mat', {
    identity: ['namespace', ...CONDITION],
    repeats: true,
    references: [toNamespace],
    check: checkMatcher,
  }),
  kind('layeredLimits', 'layered_limit', 'll', {
    identity: ['targetType', 'target', 'provider', 'model', 'limit.control'],
    repeats: true,
    references: [toTarget, toProvider],
    check: checkLayeredLimit,
  }),
  kind('policies', 'policy', 'pol', {
    identity: ['namespace', 'name'],
    repeats: true,
    references: [toNamespace],
    check: checkPolicy,
  }),
  kind('models', 'model', 'mod', { identity: ['provider', 'name'], repeats: false, references: [toProvider] }),
  kind('redirects', 'redirect', 'red', {
    identity: ['namespace', 'model'],
    repeats: true,
    references: [toNamespace],
    check: checkRedirect,
  }),
  kind('locations', 'location', 'loc', {
    identity: ['path'],
    repeats: true,
    references: [toProvider, to('upstream', 'upstreams')],
    check: locationFaults,
  }),
  kind('portkeyConfigs', 'portkey_config', 'pkc', {
    identity: ['provider', 'name'],
    repeats: false,
    references: [toProvider],
    nested: { field: 'targets', references: [toProvider, to('upstream', 'upstreams')] },
    check: portkeyConfigFaults,
  }),
];

/** The values of the fields that say which row of a list is meant. */
export function identityOf({ identity }: RuleKind, row: Fields): readonly string[] {
  return identity.map((field) => {
    const value = field === 'limit.control' ? (row.limit as Fields | undefined)?.control : row[field];
    return value === undefined ? '' : String(value);
  });
}

/** What people call a row of a file. */
export function titleOf(kind: RuleKind, row: Fields): string {
  return identityOf(kind, row)
    .filter((part) => part !== '')
    .join(' ');
}
