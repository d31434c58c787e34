import { withoutSecrets } from '../db/audited.ts';
import { newId, type Resources } from '../db/store.ts';
import type { Row, Rows, TableName } from '../db/tables.ts';
import { Refusal } from '../domain/faults.ts';
import type { Kind } from './kinds.ts';

export type Draft<Name extends TableName> = Omit<Rows[Name], 'id'>;
export type Replacement<Name extends TableName> = Draft<Name> & { readonly version?: number | undefined };

/** The checked writes of a kind within a transaction, whoever asks for them and when. */
export interface Writes<Name extends TableName> {
  create(draft: Draft<Name>, resources: Resources): Promise<Row<Name>>;
  update(id: string, replacement: Replacement<Name>, resources: Resources): Promise<Row<Name>>;
  remove(id: string, resources: Resources): Promise<void>;
}

/** All of them throw a Refusal that names the field at fault. */
export function writesOf<Name extends TableName>(kind: Kind<Name>, now: () => string): Writes<Name> {
  async function check(row: Rows[Name], resources: Resources): Promise<void> {
    const faults = await kind.check(row, resources);
    if (faults.length > 0) throw new Refusal(400, `The ${kind.name} is not valid.`, faults);
  }

  return {
    async create(draft, resources) {
      const row = { ...draft, id: newId(kind.prefix) } as unknown as Rows[Name];
      await check(row, resources);
      return resources.insert(kind.table, row, now());
    },
    async update(id, { version, ...draft }, resources) {
      const current = await resources.read(kind.table, id);
      if (current === undefined) throw notFound(kind);
      refuseOutdated(version, current);
      const row = { ...draft, id: current.id } as unknown as Rows[Name];
      await check(row, resources);
      const updated = await resources.update(kind.table, row, now());
      if (updated === undefined) throw notFound(kind);
      return updated;
    },
    async remove(id, resources) {
      if ((await resources.read(kind.table, id)) === undefined) throw notFound(kind);
      await kind.beforeRemove(id, resources);
      await resources.remove(kind.table, { id });
    },
  };
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
