import type { UserStatus } from '@ai-gateway/contracts';

/** Where a user may go from each status; nothing leads back from `canceled`. */
const NEXT: Readonly<Record<UserStatus, readonly UserStatus[]>> = {
  pending: ['active', 'free_period', 'blacklisted', 'canceled'],
  free_period: ['active', 'overdue', 'blacklisted', 'canceled'],
  active: ['overdue', 'blacklisted', 'canceled'],
  overdue: ['active', 'blacklisted', 'canceled'],
  blacklisted: ['active', 'canceled'],
  canceled: [],
};

/** Why a user cannot change from one status to another; undefined when it can. */
export function statusFault(from: UserStatus, to: UserStatus): string | undefined {
  if (NEXT[from].includes(to)) return undefined;
  const ways = NEXT[from].length === 0 ? 'none' : NEXT[from].join(', ');
  return `A user cannot go from ${from} to ${to}; possible: ${ways}.`;
}
