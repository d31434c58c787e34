import { z } from 'zod';

/** Where a user stands: `pending` until paid for, `overdue` when the money is used up. */
export const userStatus = z.enum(['pending', 'active', 'free_period', 'overdue', 'blacklisted', 'canceled']);

/** Owner of virtual keys, and the payer unless there is a tenant. */
export const userShape = z.object({
  id: z.string(),
  name: z.string().min(1).max(100),
  email: z.email().max(254).optional(),
  /** The tenant that pays for the user. */
  tenantId: z.string().optional(),
  /** Class of a user without a tenant; a tenant's own class goes first. */
  customerTypeId: z.string().optional(),
  /** Changed only by `POST /users/:id/status`. */
  status: userStatus.default('pending'),
  /** Why the status was last changed. */
  statusReason: z.string().max(500).optional(),
});

/** May the virtual keys of a user of this status be used? */
export function mayUseApi(status: UserStatus | undefined): boolean {
  return status === 'active' || status === 'free_period';
}

export type UserStatus = z.infer<typeof userStatus>;
export type User = z.infer<typeof userShape>;
