import { ADMIN_API } from '@ai-gateway/contracts';
import type { Express } from 'express';
import { Refusal } from '../domain/faults.ts';
import { statusFault } from '../domain/user-status.ts';
import { handle, handleCrud } from './handle.ts';
import { users } from './kinds.ts';
import { operations, type ResourceOptions } from './resources.ts';

/** Users, and the changes of their status. */
export function userRoutes(app: Express, options: ResourceOptions): void {
  const { authorize } = options;
  const ofUsers = operations(users, options);
  handleCrud(app, ADMIN_API.users, authorize, {
    ...ofUsers,
    create: ({ body, ...call }) => ofUsers.add(call, (id) => ({ ...body, id, status: 'pending' })),
  });
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
