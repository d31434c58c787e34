import { type OperatorSettings, type OperatorSettingsChange, operatorSettings } from '@ai-gateway/contracts';
import type { Connection } from './connection.ts';
import type { Store } from './store.ts';

/** Settings that operators change while the config center runs, as they are in force here. */
export interface LiveSettings {
  current(): OperatorSettings;
  readonly defaults: OperatorSettings;
  /** Takes over what other config centers have changed. */
  refresh(): Promise<void>;
  /** Keeps changes, tells the audit log of those that change something, and has them in force here. */
  change(changes: OperatorSettingsChange, author: { readonly actor: string; readonly at: string }): Promise<void>;
}

const TABLE = 'setting';
const NAMES = operatorSettings.keyof().options;

/**
 * The settings of a database.
 * @param defaults in force where nobody has changed them
 */
export async function liveSettings(store: Store, defaults: OperatorSettings): Promise<LiveSettings> {
  let current = await readSettings(store.connection, defaults);
  return {
    defaults,
    current: () => current,
    async refresh() {
      current = await readSettings(store.connection, defaults);
    },
    async change(changes, { actor, at }) {
      current = await store.transaction(async (resources, connection) => {
        const before = await readSettings(connection, defaults);
        await writeSettings(connection, changes);
        const after = await readSettings(connection, defaults);
        const changed = NAMES.filter((name) => before[name] !== after[name]);
        const entry = { at, actor, action: 'update' as const, kind: 'settings', rowId: 'settings' };
        const shown = { before: partOf(before, changed), after: partOf(after, changed) };
        if (changed.length > 0) await resources.record({ ...entry, ...shown });
        return after;
      });
    },
  };
}

/** Values that were edited by hand and are not valid count as not set. */
async function readSettings(connection: Connection, defaults: OperatorSettings): Promise<OperatorSettings> {
  const rows = await connection.selectFrom(TABLE).select(['name', 'value']).execute();
  const kept = new Map(rows.map(({ name, value }) => [String(name), Number(value)]));
  const values = NAMES.map((name) => {
    const { success, data } = operatorSettings.shape[name].safeParse(kept.get(name));
    return [name, success ? data : defaults[name]];
  });
  return operatorSettings.parse(Object.fromEntries(values));
}

async function writeSettings(connection: Connection, changes: OperatorSettingsChange): Promise<void> {
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) continue;
    await connection.deleteFrom(TABLE).where('name', '=', name).execute();
    if (value !== null)
      await connection
        .insertInto(TABLE)
        .values({ name, value: String(value) })
        .execute();
  }
}

function partOf(settings: OperatorSettings, names: readonly (keyof OperatorSettings)[]): Record<string, number> {
  return Object.fromEntries(names.map((name) => [name, settings[name]]));
}
