import type { Resources } from '../db/store.ts';
import type { TableName } from '../db/tables.ts';
import { RULE_TABLES } from '../domain/build-snapshot.ts';

/** Resources whose writes are noted in `touched`, by table and id. What is no rule is not noted. */
export function noting(resources: Resources, touched: Map<TableName, Set<string>>): Resources {
  function note(table: TableName, id: string): void {
    if (!RULE_TABLES.has(table)) return;
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
