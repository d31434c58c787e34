import { ADMIN_API, type AuditEntry, type PortkeyConfigVersion } from '@ai-gateway/contracts';
import type { Express } from 'express';
import { listAudit } from '../db/audit.ts';
import { withoutStamps } from '../domain/build-snapshot.ts';
import { handle, handleCrud } from './handle.ts';
import { portkeyConfigs } from './kinds.ts';
import { operations, type ResourceOptions } from './resources.ts';
import { writesOf } from './writes.ts';

/** Portkey configs: as every resource, their versions, and which of them is active. */
export function portkeyRoutes(app: Express, options: ResourceOptions): void {
  const { store, authorize, now } = options;
  const { portkeyConfigs: routes } = ADMIN_API;
  const ofConfigs = operations(portkeyConfigs, options);
  const writes = writesOf(portkeyConfigs, now);

  handleCrud(app, routes, authorize, ofConfigs);
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
    // The entry before the page tells until when the first version of the page held.
    const earlier = cursor === undefined ? undefined : cursor + 1;
    const wanted = { kind: 'portkey_config', rowId: params.id, next: earlier, size: size + 2 };
    const entries = await listAudit(store.connection, wanted);
    const rest = entries.filter(({ id }) => id !== cursor);
    const page = rest.slice(0, size);
    return { items: versionsIn(page, entries), ...(rest.length > size && { next: page.at(-1)?.id }) };
  });
}

/** What entries of the audit log made of a config, each until the next one; a deletion makes nothing. */
function versionsIn(page: readonly AuditEntry[], entries: readonly AuditEntry[]): PortkeyConfigVersion[] {
  return page.flatMap((entry) => {
    const { id, actor, at, after } = entry;
    const effectiveTo = entries[entries.indexOf(entry) - 1]?.at;
    return after === undefined ? [] : [{ change: id, actor, effectiveFrom: at, effectiveTo, config: after }];
  });
}
