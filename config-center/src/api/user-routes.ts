import { ADMIN_API } from '@ai-gateway/contracts';
import type { Express } from 'express';
import { Refusal } from '../domain/faults.ts';
import { statusFault } from '../domain/user-status.ts';
import { handle } from './handle.ts';
import { users } from './kinds.ts';
import { listed, operations, type ResourceOptions } from './resources.ts';

/** Users, and the changes of their status. */
export function userRoutes(app: Express, options: ResourceOptions): void {
  const { store, authorize } = options;
  const ofUsers = operations(users, options);
  handle(app, ADMIN_API.users.list, authorize, ({ query, response }) => listed(store, 'end_user', query, response));
  handle(app, ADMIN_API.users.create, authorize, ({ body, ...call }) =>
    ofUsers.add(call, (id) => ({ ...body, id, status: 'pending' })),
  );
  handle(app, ADMIN_API.users.read, authorize, ofUsers.read);
  handle(app, ADMIN_API.users.update, authorize, ofUsers.update);
  handle(app, ADMIN_API.users.remove, authorize, ofUsers.remove);
  // Changes take turns, so that the status that is left is the one that the transition was checked for.
  handle(app, ADMIN_API.users.setStatus, authorize, ({ body, ...call }) =>
    ofUsers.amend(call, (user) => {
      if (user.status === body.status) return user;
      const message = statusFault(user.status, body.status);
      if (message !== undefined) throw new Refusal(409, message, [{ path: 'status', message }]);
      return { ...user, status: body.status, statusReason: body.reason };
    }),
  );
}
