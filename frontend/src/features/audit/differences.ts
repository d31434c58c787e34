/** A field that a change made another. */
export interface Difference {
  readonly field: string;
  readonly before: string;
  readonly after: string;
}

type Json = Readonly<Record<string, unknown>>;

/** What every change changes, and says nothing. */
const STAMPS = new Set(['id', 'version', 'createdAt', 'updatedAt']);

/** Fields that differ, by their paths; what is absent is shown as an empty text. */
export function differences(before: Json | undefined, after: Json | undefined): readonly Difference[] {
  const old = new Map(leaves(before ?? {}, ''));
  const fresh = new Map(leaves(after ?? {}, ''));
  return [...new Set([...old.keys(), ...fresh.keys()])]
    .filter((field) => !STAMPS.has(field))
    .map((field) => ({ field, before: old.get(field) ?? '', after: fresh.get(field) ?? '' }))
    .filter((difference) => difference.before !== difference.after);
}

function leaves(value: unknown, path: string): [string, string][] {
  if (typeof value !== 'object' || value === null) return [[path, String(value)]];
  return Object.entries(value).flatMap(([key, item]) => leaves(item, path === '' ? key : `${path}.${key}`));
}
