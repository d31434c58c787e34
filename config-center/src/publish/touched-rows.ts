import type { Resources } from '../db/store.ts';
import type { TableName } from '../db/tables.ts';

/** Resources whose writes are noted in `touched`, by table and id. */
export function noting(resources: Resources, touched: Map<TableName, Set<string>>): Resources {
  function note(table: TableName, id: string): void {
    const ids = touched.get(table) ?? new Set();
    touched.set(table, ids.add(id));
  }
  return {
    ...resources,
    insert(table, row, at) {
      note(table, row.id);
      return resources.insert(table, row, at);
    },
    update(table, row, at) {
      note(table, row.id);
      return resources.update(table, row, at);
    },
    async remove(table, where) {
      for (const { id } of await resources.all(table, where)) note(table, id);
      return resources.remove(table, where);
    },
  };
}
