import { compareText, type RuleSetList } from '@ai-gateway/contracts';
import { type Fields, type Reference, RULE_KINDS, type RuleKind, SCOPE_REFERENCES } from './kinds.ts';

/** A row of the rules, as it is stored. */
export type RuleRow = Fields & { readonly id: string };

/** Every list of the rules, in order of ids. */
export type RuleRows = Readonly<Record<RuleSetList, readonly RuleRow[]>>;

/** What each row of each list is called where others name it, by id. No name stands for two rows. */
export type Names = Readonly<Record<RuleSetList, ReadonlyMap<string, string>>>;

/** Names of all rows that others may name. Further rows of one name are called `name #2`, in the order given. */
export function namesOf(rows: RuleRows): Names {
  const providers = namesIn(rows.providers, ({ name }) => String(name));
  const keysOfName = Map.groupBy(rows.virtualKeys, ({ name }) => name);
  const keyName = ({ name, prefix }: RuleRow) =>
    (keysOfName.get(name)?.length ?? 0) > 1 ? `${name} (${prefix})` : String(name);
  const none = new Map<string, string>();
  return {
    customerTypes: namesIn(rows.customerTypes, ({ name }) => String(name)),
    tenants: namesIn(rows.tenants, ({ name }) => String(name)),
    namespaces: namesIn(rows.namespaces, ({ code }) => String(code)),
    providers,
    upstreams: namesIn(
      rows.upstreams,
      ({ providerId, baseUrl }) => `${providers.get(String(providerId)) ?? providerId} ${baseUrl}`,
    ),
    virtualKeys: namesIn(rows.virtualKeys, keyName),
    prices: none,
    rates: none,
    matchers: none,
    layeredLimits: none,
    policies: none,
    models: none,
    redirects: none,
    locations: none,
    portkeyConfigs: none,
  };
}

/** Turns what a reference holds into something else. */
type Translate = (list: RuleSetList, value: string, field: string) => string;

/** Fields that no file has: ids, and what belongs to a key rather than to the rules. */
const UNTOLD = new Set(['id', 'secretHash', 'previousSecretHash', 'previousUntil', 'statusReason', 'userId']);

/** A row of the rules as a file has it. An id that names nothing stays, and is a fault when the file is read. */
export function toFile(kind: RuleKind, row: RuleRow, names: Names): Fields {
  const fields = Object.fromEntries(Object.entries(row).filter(([field]) => !UNTOLD.has(field)));
  const translate: Translate = (list, id) => names[list].get(id) ?? id;
  const readable = translated(fields, kind, ['id', 'name'], translate);
  // With the defaults that rows of older releases lack; what an edit by hand has made invalid is shown as it is.
  const parsed = kind.shape.safeParse(readable);
  return parsed.success ? (parsed.data as Fields) : readable;
}

/** A row of a file with ids in place of names. */
export function fromFile(kind: RuleKind, row: Fields, translate: Translate): Fields {
  return translated(row, kind, ['name', 'id'], translate);
}

/** The ids that a row holds, with the list that each is of. */
export function idsIn(
  kind: RuleKind,
  row: Fields,
): { readonly list: RuleSetList; readonly id: string; field: string }[] {
  const found: { list: RuleSetList; id: string; field: string }[] = [];
  translated(row, kind, ['id', 'id'], (list, id, field) => {
    found.push({ list, id, field });
    return id;
  });
  return found;
}

/** The whole rules as lists of a file; rows are sorted by what they are called, so that equal rules give equal files. */
export function fileRowsOf(rows: RuleRows): ReadonlyMap<RuleSetList, readonly { readonly id: string; row: Fields }[]> {
  const names = namesOf(rows);
  return new Map(
    RULE_KINDS.map((kind) => {
      const entries = rows[kind.list].map((row) => {
        const readable = toFile(kind, row, names);
        return { id: row.id, row: readable, order: JSON.stringify([kind.identity.map((f) => readable[f]), readable]) };
      });
      entries.sort((left, right) => compareText(left.order, right.order));
      return [kind.list, entries.map(({ id, row }) => ({ id, row }))];
    }),
  );
}

type Side = 'id' | 'name';

function translated(
  row: Fields,
  { references, nested }: Pick<RuleKind, 'references' | 'nested'>,
  [from, into]: readonly [Side, Side],
  translate: Translate,
): Fields {
  const entries = Object.entries(row).flatMap(([field, value]): [string, unknown][] => {
    if (value === undefined) return [];
    const within = (references: readonly Reference[], part: unknown, path: string) =>
      translated(Object(part), { references }, [from, into], (list, id, name) =>
        translate(list, id, `${path}.${name}`),
      );
    if (field === 'scope') return [[field, within(SCOPE_REFERENCES, value, field)]];
    if (field === nested?.field && Array.isArray(value)) {
      return [[field, value.map((part, index) => within(nested.references, part, `${field}.${index}`))]];
    }
    const reference = references.find((candidate) => candidate[from] === field);
    const list = reference?.list(row);
    if (reference === undefined) return [[field, value]];
    if (list === undefined) return [[reference[into], value]];
    const one = (each: unknown) => translate(list, String(each), field);
    return [[reference[into], Array.isArray(value) ? value.map(one) : one(value)]];
  });
  return Object.fromEntries(entries);
}

function namesIn(rows: readonly RuleRow[], nameOf: (row: RuleRow) => string): ReadonlyMap<string, string> {
  const bases = new Set(rows.map(nameOf));
  const taken = new Set<string>();
  return new Map(
    rows.map((row) => {
      const base = nameOf(row);
      let name = base;
      for (let number = 2; taken.has(name) || (name !== base && bases.has(name)); number++) name = `${base} #${number}`;
      taken.add(name);
      return [row.id, name];
    }),
  );
}
