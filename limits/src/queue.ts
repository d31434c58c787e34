/** One waiting request: its place in every line it stands in, and the instant at which it counts as gone. */
export interface Ticket {
  readonly order: number;
  readonly namespaceId: string;
  expiresAtMs: number;
}

/**
 * Waiting requests of all gateways, served by start-time fair queueing (Goyal, Vin, Cheng 1996): a namespace's tickets
 * are 1/weight apart on one virtual clock, which follows whoever is served. One clock and one ticket for all lines, so
 * that the order is the same in each of them and nobody can wait in a circle.
 */
export interface QueueState {
  virtualTime: number;
  readonly lastOrderOf: Map<string, number>;
  readonly tickets: Map<string, Ticket>;
  /** Counter key to reservation ids that wait for room in it, with their order. */
  readonly lines: Map<string, Map<string, number>>;
}

/** How a request may wait. */
export interface QueueTerms {
  readonly weight: number;
  readonly maxWaiting: number;
}

/** Distance of two tickets of weight 1 on the virtual clock; an integer, so that both stores agree to the unit. */
const VIRTUAL_SECOND = 1_000_000;

/** Where to look again while others are ahead: sooner near the head of the line. */
const POLL_MS = 25;
const MAX_POLL_MS = 1_000;

export function emptyQueue(): QueueState {
  return { virtualTime: 0, lastOrderOf: new Map(), tickets: new Map(), lines: new Map() };
}

/** Lifetime of a ticket that is not refreshed: the place of a vanished gateway's request is free after this, ms. */
export const TICKET_MS = 5_000;

/**
 * Forgets tickets that were not refreshed in time, and those that lie further ahead than any can, because the clock
 * stepped back. Whoever still waits gets a new one when it asks again.
 */
export function dropExpiredTickets(queue: QueueState, nowMs: number): void {
  for (const [id, { expiresAtMs }] of queue.tickets) {
    if (expiresAtMs <= nowMs || expiresAtMs > nowMs + TICKET_MS) queue.tickets.delete(id);
  }
}

/** How many others stand before a request in the line of a counter; one without a ticket stands behind all. */
export function aheadOf(queue: QueueState, key: string, reservationId: string): number {
  const line = queue.lines.get(key);
  if (line === undefined) return 0;
  const waiting = [...line].sort(([idA, a], [idB, b]) => a - b || (idA < idB ? -1 : 1)).map(([id]) => id);
  for (let head = waiting[0]; head !== undefined && !queue.tickets.has(head); head = waiting[0]) {
    line.delete(head);
    waiting.shift();
  }
  if (line.size === 0) queue.lines.delete(key);
  const place = waiting.indexOf(reservationId);
  return place === -1 ? waiting.length : place;
}

/** Time until a request with `ahead` others before it should ask again. */
export function pollMs(ahead: number): number {
  return Math.min(MAX_POLL_MS, POLL_MS * (1 + ahead));
}

/** A request that may wait, and the counters that have no room for it and those that do. */
export interface Waiter {
  readonly reservationId: string;
  readonly namespaceId: string;
  readonly terms: QueueTerms;
  readonly fullKeys: readonly string[];
  readonly roomyKeys: readonly string[];
}

/**
 * Puts a request in the lines of the counters that have no room for it, or refreshes its ticket; it leaves the lines
 * of the others, where it would only be in the way. False when its namespace has no place left.
 */
export function enqueue(queue: QueueState, waiter: Waiter, nowMs: number): boolean {
  const { reservationId, namespaceId, terms } = waiter;
  let ticket = queue.tickets.get(reservationId);
  if (ticket === undefined) {
    const waiting = [...queue.tickets.values()].filter((other) => other.namespaceId === namespaceId).length;
    if (waiting >= terms.maxWaiting) return false;
    const start = Math.max(queue.virtualTime, queue.lastOrderOf.get(namespaceId) ?? 0);
    ticket = { order: start + Math.floor(VIRTUAL_SECOND / terms.weight), namespaceId, expiresAtMs: 0 };
    queue.lastOrderOf.set(namespaceId, ticket.order);
    queue.tickets.set(reservationId, ticket);
  }
  ticket.expiresAtMs = nowMs + TICKET_MS;
  for (const key of waiter.fullKeys) {
    const line = queue.lines.get(key) ?? new Map<string, number>();
    queue.lines.set(key, line.set(reservationId, ticket.order));
  }
  for (const key of waiter.roomyKeys) leaveLine(queue, key, reservationId);
  return true;
}

/** Takes a request out of all lines, because it was served or gave up. */
export function leaveQueue(
  queue: QueueState,
  reservationId: string,
  keys: readonly string[],
  { isServed }: { readonly isServed: boolean },
): void {
  const ticket = queue.tickets.get(reservationId);
  if (ticket === undefined) return;
  if (isServed) queue.virtualTime = Math.max(queue.virtualTime, ticket.order);
  queue.tickets.delete(reservationId);
  for (const key of keys) leaveLine(queue, key, reservationId);
}

function leaveLine(queue: QueueState, key: string, reservationId: string): void {
  const line = queue.lines.get(key);
  line?.delete(reservationId);
  if (line?.size === 0) queue.lines.delete(key);
}
