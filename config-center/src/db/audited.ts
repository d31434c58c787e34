import type { Resources } from './store.ts';
import type { TableName } from './tables.ts';

/** Resources whose writes are told to the audit log, in the same transaction. */
export function audited(resources: Resources, actor: string, at: string): Resources {
  const entry = (kind: TableName, rowId: string) => ({ at, actor, kind, rowId });
  return {
    ...resources,
    async insert(table, row, insertedAt) {
      const inserted = await resources.insert(table, row, insertedAt);
      await resources.record({ ...entry(table, row.id), action: 'create', after: { ...withoutSecrets(inserted) } });
      return inserted;
    },
    async update(table, row, updatedAt) {
      const before = await resources.read(table, row.id);
      const after = await resources.update(table, row, updatedAt);
      if (before === undefined || after === undefined) return after;
      const shown = { before: { ...withoutSecrets(before) }, after: { ...withoutSecrets(after) } };
      await resources.record({ ...entry(table, row.id), action: 'update', ...shown });
      return after;
    },
    async remove(table, where) {
      const rows = await resources.all(table, where);
      for (const row of rows)
        await resources.record({ ...entry(table, row.id), action: 'delete', before: { ...withoutSecrets(row) } });
      return resources.remove(table, where);
    },
  };
}

/** A row as people may see it: without the hashes of a virtual key, and without what a provider key is encrypted to. */
export function withoutSecrets<T extends object>(row: T): Omit<T, 'secretHash' | 'previousSecretHash' | 'sealed'> {
  const {
    secretHash: _,
    previousSecretHash: __,
    sealed: ___,
    ...shown
  } = row as T & { secretHash?: unknown; previousSecretHash?: unknown; sealed?: unknown };
  return shown;
}
