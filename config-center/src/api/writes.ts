import { withoutSecrets } from '../db/audited.ts';
import { newId, type Resources } from '../db/store.ts';
import type { Row, Rows, TableName } from '../db/tables.ts';
import { Refusal } from '../domain/faults.ts';
import type { Kind } from './kind.ts';

export type Draft<Name extends TableName> = Omit<Rows[Name], 'id'>;
/** Without the fields that the kind keeps. */
export type Replacement<Name extends TableName> = Partial<Draft<Name>> & { readonly version?: number | undefined };

/** The resources of a transaction: as the caller sees them, and all of them for checks. */
export interface Reach {
  readonly rows: Resources;
  readonly all: Resources;
}

/** The checked writes of a kind within a transaction, whoever asks for them and when. */
export interface Writes<Name extends TableName> {
  /** Makes a row of the id that it is given. */
  add(make: (id: string) => Rows[Name], reach: Reach): Promise<Row<Name>>;
  /** Writes what `revise` makes of the row as it is when its turn has come; the row itself is left alone. */
  amend(id: string, revise: (current: Row<Name>) => Rows[Name], reach: Reach): Promise<Row<Name>>;
  create(draft: Draft<Name>, reach: Reach): Promise<Row<Name>>;
  update(id: string, replacement: Replacement<Name>, reach: Reach): Promise<Row<Name>>;
  remove(id: string, reach: Reach): Promise<void>;
}

/** All of them throw a Refusal that names the field at fault. */
export function writesOf<Name extends TableName>(kind: Kind<Name>, now: () => string): Writes<Name> {
  /** What can never act is refused where it is new. */
  async function check(row: Rows[Name], resources: Resources, current?: Rows[Name]): Promise<void> {
    const found = await kind.check(row, resources);
    const faults = found.length > 0 ? found : (kind.impossible?.(row, current) ?? []);
    if (faults.length > 0) throw new Refusal(400, `The ${kind.name} is not valid.`, faults);
  }

  const writes: Writes<Name> = {
    async add(make, { rows, all }) {
      const row = make(newId(kind.prefix));
      await check(row, all);
      return rows.insert(kind.table, row, now());
    },
    async amend(id, revise, { rows, all }) {
      const current = await rows.read(kind.table, id);
      if (current === undefined) throw notFound(kind);
      const row = revise(current);
      if (row === current) return current;
      await check(row, all, current);
      const updated = await rows.update(kind.table, row, now());
      if (updated === undefined) throw notFound(kind);
      return updated;
    },
    create: (draft, reach) => writes.add((id) => ({ ...draft, id }) as unknown as Rows[Name], reach),
    update: (id, { version, ...draft }, reach) =>
      writes.amend(
        id,
        (current) => {
          refuseOutdated(version, current);
          const kept = Object.fromEntries((kind.kept ?? []).map((field) => [field, current[field]]));
          return { ...draft, ...kept, id: current.id } as unknown as Rows[Name];
        },
        reach,
      ),
    async remove(id, { rows, all }) {
      if ((await rows.read(kind.table, id)) === undefined) throw notFound(kind);
      await kind.beforeRemove(id, all);
      await rows.remove(kind.table, { id });
    },
  };
  return writes;
}

export function notFound({ name }: Pick<Kind<TableName>, 'name'>): Refusal {
  return new Refusal(404, `There is no such ${name}.`);
}

/** @throws Refusal 409 with the row as it is now, when it is not the version that the caller has seen */
function refuseOutdated(version: number | undefined, current: Row<TableName>): void {
  if (version === undefined || version === current.version) return;
  const message = `It has been changed meanwhile: version ${current.version}, not ${version}.`;
  throw new Refusal(409, message, [{ path: 'version', message }], { current: { ...withoutSecrets(current) } });
}
