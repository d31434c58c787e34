import { ADMIN_API } from '@ai-gateway/contracts';
import type { Express, RequestHandler } from 'express';
import { listAudit } from '../db/audit.ts';
import type { Store } from '../db/store.ts';
import { handle } from './handle.ts';

export interface AuditOptions {
  readonly store: Store;
  readonly authorize: RequestHandler;
}

/** Who changed what, and when. */
export function auditRoutes(app: Express, { store, authorize }: AuditOptions): void {
  handle(app, ADMIN_API.audit.list, authorize, async ({ query }) => {
    const items = await listAudit(store.connection, { ...query, size: query.size + 1 });
    const shown = items.slice(0, query.size);
    const last = shown.at(-1);
    return { items: shown, ...(items.length > query.size && last !== undefined && { next: last.id }) };
  });
}
