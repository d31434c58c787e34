import { ADMIN_API, type PortkeyConfigVersion } from '@ai-gateway/contracts';
import type { Express } from 'express';
import { listAudit } from '../db/audit.ts';
import { withoutStamps } from '../domain/build-snapshot.ts';
import { handle } from './handle.ts';
import { portkeyConfigs } from './kinds.ts';
import { listed, operations, type ResourceOptions } from './resources.ts';
import { writesOf } from './writes.ts';

/** Portkey configs: as every resource, their versions, and which of them is active. */
export function portkeyRoutes(app: Express, options: ResourceOptions): void {
  const { store, authorize, now } = options;
  const { portkeyConfigs: routes } = ADMIN_API;
  const ofConfigs = operations(portkeyConfigs, options);
  const writes = writesOf(portkeyConfigs, now);

  handle(app, routes.list, authorize, ({ query, response }) => listed(store, 'portkey_config', query, response));
  handle(app, routes.create, authorize, ofConfigs.create);
  handle(app, routes.read, authorize, ofConfigs.read);
  handle(app, routes.update, authorize, ofConfigs.update);
  handle(app, routes.remove, authorize, ofConfigs.remove);
  handle(app, routes.activate, authorize, ({ params, ...call }) =>
    ofConfigs.change(call, async (reach) => {
      const { id = '' } = params;
      const config = await reach.rows.read('portkey_config', id);
      const rivals = await reach.all.all('portkey_config', { providerId: config?.providerId ?? '', isEnabled: 1 });
      for (const rival of rivals.filter((other) => other.id !== id)) {
        await reach.rows.update('portkey_config', { ...withoutStamps(rival), isEnabled: false }, now());
      }
      return writes.amend(id, (current) => (current.isEnabled ? current : { ...current, isEnabled: true }), reach);
    }),
  );
  handle(app, routes.deactivate, authorize, (call) =>
    ofConfigs.amend(call, (current) => (current.isEnabled ? { ...current, isEnabled: false } : current)),
  );
  handle(app, routes.versions, authorize, async ({ params, query: { cursor, size } }) => {
    // The entry before the page tells until when its first version held.
    const earlier = cursor === undefined ? undefined : cursor + 1;
    const wanted = { kind: 'portkey_config', rowId: params.id, next: earlier, size: size + 2 };
    const entries = await listAudit(store.connection, wanted);
    const versions = entries.flatMap(({ id, actor, at, after }, index): PortkeyConfigVersion[] =>
      after === undefined || id === cursor
        ? []
        : [{ change: id, actor, effectiveFrom: at, effectiveTo: entries[index - 1]?.at, config: after }],
    );
    const items = versions.slice(0, size);
    return { items, ...(versions.length > size && { next: items.at(-1)?.change }) };
  });
}
