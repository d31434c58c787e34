/** Rules by kind, as snapshots hold them; kinds that came later are absent in old ones. */
export type RulesByKind = Readonly<Record<string, readonly RuleRow[] | undefined>>;

export interface RuleRow {
  readonly id: string;
  readonly [field: string]: unknown;
}

/** What differs in one kind of rows. */
export interface KindDiff {
  readonly kind: string;
  readonly added: readonly RuleRow[];
  readonly removed: readonly RuleRow[];
  readonly changed: readonly RowDiff[];
}

export interface RowDiff {
  readonly id: string;
  readonly fields: readonly FieldDiff[];
}

/** An absent `before` or `after`: the field was, or is, not set. */
interface FieldDiff {
  readonly field: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

/** What differs between two sets of rules, kind by kind; kinds without a difference are left out. */
export function diffRules(before: RulesByKind, after: RulesByKind): readonly KindDiff[] {
  const kinds = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...kinds]
    .map((kind) => diffKind(kind, before[kind] ?? [], after[kind] ?? []))
    .filter(({ added, removed, changed }) => added.length + removed.length + changed.length > 0);
}

function diffKind(kind: string, before: readonly RuleRow[], after: readonly RuleRow[]): KindDiff {
  const earlier = new Map(before.map((row) => [row.id, row]));
  const later = new Set(after.map(({ id }) => id));
  const changed = after.flatMap((row) => {
    const fields = diffFields(earlier.get(row.id) ?? row, row);
    return fields.length === 0 ? [] : [{ id: row.id, fields }];
  });
  return {
    kind,
    added: after.filter(({ id }) => !earlier.has(id)),
    removed: before.filter(({ id }) => !later.has(id)),
    changed,
  };
}

/** The fields of two rows that differ. */
export function diffFields(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): readonly FieldDiff[] {
  const fields = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...fields]
    .filter((field) => !isEqual(before[field], after[field]))
    .map((field) => ({
      field,
      ...(before[field] !== undefined && { before: before[field] }),
      ...(after[field] !== undefined && { after: after[field] }),
    }));
}

/** Of JSON values; the order of an object's fields says nothing. */
export function isEqual(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return left === right;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const fields = new Set([...Object.keys(left), ...Object.keys(right)]);
  // Both are objects: their fields may be read by name.
  return [...fields].every((field) => isEqual((left as RuleRow)[field], (right as RuleRow)[field]));
}
