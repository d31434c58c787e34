import { ADMIN_API } from '@ai-gateway/contracts';
import type { Express, RequestHandler, Response } from 'express';
import type { Access } from '../auth/access.ts';
import { addKey, listKeys, removeKey, updateKey } from '../auth/administrator-keys.ts';
import {
  type Author,
  createAdministrator,
  findAdministrator,
  listAdministrators,
  removeAdministrator,
  shown,
  updateAdministrator,
} from '../auth/administrators.ts';
import { sessionFor } from '../auth/authorize.ts';
import { recordAudit } from '../db/audit.ts';
import type { Store } from '../db/store.ts';
import { Refusal } from '../domain/faults.ts';
import { handle } from './handle.ts';

export interface AdministratorOptions {
  readonly store: Store;
  readonly access: Access;
  readonly authorize: RequestHandler;
  readonly now: () => string;
}

/** Registers administrators, their keys and their sessions. */
export function administratorRoutes(app: Express, options: AdministratorOptions): void {
  const { store, access, authorize, now } = options;
  const author = authorIn(now);
  handle(app, ADMIN_API.administrators.list, authorize, async () => ({
    items: (await listAdministrators(store.connection)).map(shown),
  }));
  handle(app, ADMIN_API.administrators.create, authorize, ({ body, response }) =>
    createAdministrator(store, body, author(response)),
  );
  handle(app, ADMIN_API.administrators.read, authorize, async ({ params }) => {
    const found = await findAdministrator(store.connection, 'id', params.id ?? '');
    if (found === undefined) throw new Refusal(404, 'There is no such administrator.');
    return shown(found);
  });
  handle(app, ADMIN_API.administrators.update, authorize, ({ params, body, response }) =>
    updateAdministrator(store, params.id ?? '', body, author(response)),
  );
  handle(app, ADMIN_API.administrators.remove, authorize, async ({ params, response }) => {
    await removeAdministrator(store, params.id ?? '', author(response));
    return {};
  });
  handle(app, ADMIN_API.administrators.endSessions, authorize, async ({ params, response }) => {
    const administratorId = params.id ?? '';
    const ended = await access.sessions.end({ administratorId });
    const before = { administratorId, ended };
    const entry = { ...author(response), action: 'delete' as const, kind: 'session', rowId: administratorId, before };
    if (ended > 0) await recordAudit(store.connection, entry);
    return { ended };
  });
  keyRoutes(app, options);
  sessionListRoutes(app, options);
}

function keyRoutes(app: Express, { store, authorize, now }: AdministratorOptions): void {
  const author = authorIn(now);
  handle(app, ADMIN_API.administratorKeys.list, authorize, async ({ query }) => ({
    items: [...(await listKeys(store.connection, query.administratorId))],
  }));
  handle(app, ADMIN_API.administratorKeys.create, authorize, ({ body, response }) =>
    store.transaction((_, connection) => addKey(connection, body, author(response))),
  );
  handle(app, ADMIN_API.administratorKeys.update, authorize, ({ params, body, response }) =>
    updateKey(store, params.fingerprint ?? '', body, author(response)),
  );
  handle(app, ADMIN_API.administratorKeys.remove, authorize, async ({ params, response }) => {
    await removeKey(store, params.fingerprint ?? '', author(response));
    return {};
  });
}

function sessionListRoutes(app: Express, { store, access, authorize, now }: AdministratorOptions): void {
  const author = authorIn(now);
  /** Whose sessions the caller sees: undefined = everybody's. */
  const visible = (response: Response) => {
    const { role, administratorId = '' } = sessionFor(response);
    return role === 'superadmin' ? undefined : administratorId;
  };
  handle(app, ADMIN_API.sessions.list, authorize, async ({ query, response }) => {
    const items = await access.sessions.list(visible(response) ?? query.administratorId);
    const { id: own } = sessionFor(response);
    return { items: items.map((row) => ({ ...row, isCurrent: row.id === own })) };
  });
  handle(app, ADMIN_API.sessions.remove, authorize, async ({ params, response }) => {
    const id = params.id ?? '';
    const administratorId = visible(response);
    const ended = await access.sessions.end({ id, ...(administratorId !== undefined && { administratorId }) });
    if (ended === 0) throw new Refusal(404, 'There is no such session.');
    await recordAudit(store.connection, { ...author(response), action: 'delete', kind: 'session', rowId: id });
    return {};
  });
}

/** Who calls, and when, for the audit log. */
function authorIn(now: () => string): (response: Response) => Author {
  return (response) => ({ actor: sessionFor(response).administrator, at: now() });
}
