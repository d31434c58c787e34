import type { RuleSet, RuleSetChange, RuleSetList } from '@ai-gateway/contracts';
import { diffFields, isEqual } from '../diff-rules.ts';
import type { Fault } from '../faults.ts';
import { type Fields, identityOf, RULE_KINDS, type RuleKind, titleOf } from './kinds.ts';
import { fileRowsOf, fromFile, idsIn, namesOf, type RuleRow, type RuleRows } from './names.ts';
import { portkeyFaults } from './portkey-faults.ts';

/** One row that a file changes. `row` is what is to be stored. */
export interface Write {
  readonly kind: RuleKind;
  readonly action: 'create' | 'update';
  readonly row: RuleRow;
}

/** What a file does to the rules, or why it cannot be applied. */
export interface Plan {
  readonly changes: readonly RuleSetChange[];
  /** In the order in which rows can be written. */
  readonly writes: readonly Write[];
  /** In the order in which rows can be removed. */
  readonly removals: readonly { readonly kind: RuleKind; readonly id: string }[];
  /** The rules as they would be. */
  readonly after: RuleRows;
  readonly faults: readonly Fault[];
}

export interface PlanOptions {
  readonly prune: boolean;
  readonly newId: (prefix: string) => string;
}

/** A row of the file beside the row that it means. */
interface Pair {
  readonly path: string;
  readonly wanted: Fields;
  readonly present: { readonly id: string; readonly row: Fields } | undefined;
}

/**
 * Compares a file with the rules. Rows are the same when they have the same name (matchers: namespace and condition;
 * prices: provider and model; layered limits: level and control); of rows that share it, equal ones first.
 * Takes time linear in rows, apart from sorting.
 */
export function planRuleSet(file: RuleSet, rows: RuleRows, { prune, newId }: PlanOptions): Plan {
  const readable = fileRowsOf(rows);
  const faults: Fault[] = [];
  const changes: RuleSetChange[] = [];
  const created = new Map<Fields, string>();
  const pairsOf = new Map<RuleKind, readonly Pair[]>();
  const removals: { readonly kind: RuleKind; readonly id: string }[] = [];
  for (const kind of RULE_KINDS) {
    const wanted = file[kind.list] as readonly Fields[] | undefined;
    if (wanted === undefined) continue;
    const { pairs, left } = pairUp(kind, wanted, readable.get(kind.list) ?? []);
    pairsOf.set(kind, pairs);
    faults.push(...faultsOfPairs(kind, pairs));
    changes.push(...pairs.flatMap((pair) => changeOf(kind, pair)));
    for (const { wanted: row, present } of pairs) if (present === undefined) created.set(row, newId(kind.prefix));
    if (!prune || kind.list === 'virtualKeys') continue;
    for (const { id, row } of left) {
      changes.push({ action: 'delete', kind: kind.list, id, name: titleOf(kind, row), fields: [] });
      removals.unshift({ kind, id });
    }
  }
  const { after, writes, unresolved } = resolved(rows, { pairsOf, created, removals });
  const checked = writes.flatMap(({ write, path }) => checkFaults(write, path));
  const rest = unresolved.length > 0 ? [] : [...danglingFaults(after), ...twinFaults(after), ...portkeyFaults(after)];
  return {
    changes,
    writes: writes.map(({ write }) => write),
    removals,
    after,
    faults: [...faults, ...unresolved, ...checked, ...rest],
  };
}

function pairUp(kind: RuleKind, wanted: readonly Fields[], present: readonly { id: string; row: Fields }[]) {
  const keyOf = (row: Fields) => JSON.stringify(identityOf(kind, row));
  const free = Map.groupBy(present, ({ row }) => keyOf(row));
  const found = new Map<Fields, { readonly id: string; readonly row: Fields }>();
  const take = (row: Fields, isMeant: (candidate: Fields) => boolean) => {
    const candidates = free.get(keyOf(row)) ?? [];
    const index = candidates.findIndex((candidate) => isMeant(candidate.row));
    const [taken] = index === -1 ? [] : candidates.splice(index, 1);
    if (taken !== undefined) found.set(row, taken);
  };
  for (const row of wanted) take(row, (candidate) => isEqual(candidate, row));
  const rest = () => wanted.filter((row) => !found.has(row));
  // Keys of one name are told apart by their prefix; where a name is the only one, the prefix may be of elsewhere.
  if (kind.list === 'virtualKeys') for (const row of rest()) take(row, ({ prefix }) => prefix === row.prefix);
  for (const row of rest()) {
    const candidates = free.get(keyOf(row)) ?? [];
    if (kind.list !== 'virtualKeys' || candidates.length === 1) take(row, () => true);
  }
  const pairs = wanted.map((row, index): Pair => {
    const met = found.get(row);
    return { path: `${kind.list}.${index}`, wanted: withoutPrefix(kind, row, met?.row), present: met };
  });
  return { pairs, left: [...free.values()].flat() };
}

/** The prefix of a key says which is meant, and is never changed. */
function withoutPrefix(kind: RuleKind, row: Fields, present: Fields | undefined): Fields {
  return kind.list === 'virtualKeys' && present !== undefined ? { ...row, prefix: present.prefix } : row;
}

function faultsOfPairs(kind: RuleKind, pairs: readonly Pair[]): Fault[] {
  if (kind.list === 'virtualKeys') {
    return pairs
      .filter(({ present }) => present === undefined)
      .map(({ path, wanted }) => ({ path, message: unknownKey(wanted) }));
  }
  if (kind.repeats) return [];
  const seen = new Set<string>();
  return pairs.flatMap(({ path, wanted }) => {
    const title = titleOf(kind, wanted);
    if (!seen.has(title)) {
      seen.add(title);
      return [];
    }
    return [{ path, message: `"${title}" is listed twice.` }];
  });
}

function unknownKey({ name }: Fields): string {
  return `There is no virtual key "${name}", or more than one and none with this prefix. Files change keys and never make them.`;
}

function changeOf(kind: RuleKind, { wanted, present }: Pair): RuleSetChange[] {
  const name = titleOf(kind, wanted);
  if (present === undefined) return [{ action: 'create', kind: kind.list, name, fields: [...diffFields({}, wanted)] }];
  const fields = diffFields(present.row, wanted);
  return fields.length === 0 ? [] : [{ action: 'update', kind: kind.list, id: present.id, name, fields: [...fields] }];
}

interface Resolving {
  readonly pairsOf: ReadonlyMap<RuleKind, readonly Pair[]>;
  readonly created: ReadonlyMap<Fields, string>;
  readonly removals: readonly { readonly kind: RuleKind; readonly id: string }[];
}

/** The rules as they would be, with ids in place of names, list by list since later ones name earlier ones. */
function resolved(rows: RuleRows, { pairsOf, created, removals }: Resolving) {
  const unresolved: Fault[] = [];
  const writes: { readonly write: Write; readonly path: string }[] = [];
  const removed = new Set(removals.map(({ id }) => id));
  const after: Record<RuleSetList, readonly RuleRow[]> = { ...rows };
  for (const { list } of RULE_KINDS) after[list] = rows[list].filter(({ id }) => !removed.has(id));
  for (const kind of RULE_KINDS) {
    const idsByName = inverted(namesOf(after));
    const present = new Map(after[kind.list].map((row) => [row.id, row]));
    for (const { path, wanted, present: met } of pairsOf.get(kind) ?? []) {
      if (met !== undefined && isEqual(met.row, wanted)) continue;
      const id = met?.id ?? created.get(wanted) ?? '';
      const row = fromFile(kind, wanted, (list, name, field) => {
        const found = idsByName(list, name);
        if (found === undefined) unresolved.push({ path: `${path}.${field}`, message: missing(list, name) });
        return found ?? name;
      });
      const written: RuleRow = { ...row, ...secretsOf(kind, present.get(id)), id };
      present.set(id, written);
      writes.push({ write: { kind, action: met === undefined ? 'create' : 'update', row: written }, path });
    }
    after[kind.list] = [...present.values()];
  }
  return { after, writes, unresolved };
}

const OF_KEYS = ['prefix', 'secretHash', 'previousSecretHash', 'previousUntil', 'statusReason', 'userId'];

/** What identifies the secret of a key, and its owner, stays as it is. */
function secretsOf({ list }: RuleKind, stored: Fields | undefined): Fields {
  if (list !== 'virtualKeys') return {};
  return Object.fromEntries(OF_KEYS.map((field) => [field, stored?.[field]]));
}

function missing(list: RuleSetList, name: string): string {
  return `There is no "${name}" in ${list}, neither in the file nor in the rules.`;
}

/** Finds ids by name; the table of a list is made when it is first asked. */
function inverted(names: ReturnType<typeof namesOf>): (list: RuleSetList, name: string) => string | undefined {
  const tables = new Map<RuleSetList, ReadonlyMap<string, string>>();
  return (list, name) => {
    const table = tables.get(list) ?? new Map([...names[list]].map(([id, called]) => [called, id]));
    tables.set(list, table);
    return table.get(name);
  };
}

function checkFaults({ kind, row }: Write, path: string): Fault[] {
  // The file was parsed by the shape of its kind, and names have become ids.
  const faults = kind.check?.(row as never) ?? [];
  return faults.map((fault) => ({ path: fault.path === '' ? path : `${path}.${fault.path}`, message: fault.message }));
}

/** Rows that would name a row that is to be deleted. */
function danglingFaults(after: RuleRows): Fault[] {
  const ids = new Map(RULE_KINDS.map(({ list }) => [list, new Set(after[list].map(({ id }) => id))]));
  return RULE_KINDS.flatMap((kind) =>
    after[kind.list].flatMap((row) =>
      idsIn(kind, row)
        .filter(({ list, id }) => ids.get(list)?.has(id) !== true)
        .map(({ list, id, field }) => ({
          path: `${kind.list} ${row.id} ${field}`,
          message: `It names "${id}" of ${list}, which would not exist.`,
        })),
    ),
  );
}

/** Conditions and levels that two rows must not share, whoever made them. */
function twinFaults({ matchers, layeredLimits }: RuleRows): Fault[] {
  const conditions = Map.groupBy(matchers, ({ source, field, operator, value, priority }) =>
    JSON.stringify([source, String(field).toLowerCase(), operator, value, priority]),
  );
  const levels = Map.groupBy(
    layeredLimits.filter(({ isEnabled }) => isEnabled === true),
    ({ targetType, targetId, providerId, model, limit }) =>
      JSON.stringify([targetType, targetId, providerId, model, (limit as Fields).control]),
  );
  const sharedConditions = [...conditions.values()].filter(
    (group) => new Set(group.map(({ namespaceId }) => namespaceId)).size > 1,
  );
  return [
    ...sharedConditions.map(([row]) => ({
      path: 'matchers',
      message: `Two namespaces have the condition ${row?.source} ${row?.field} ${row?.operator} "${row?.value}" at priority ${row?.priority}.`,
    })),
    ...[...levels.values()]
      .filter(({ length }) => length > 1)
      .map(([row]) => ({
        path: 'layeredLimits',
        message: `There are two enabled limits at one level: ${row?.targetType} ${JSON.stringify(row?.limit)}.`,
      })),
  ];
}
