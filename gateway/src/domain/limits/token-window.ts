/**
 * Conservative bucketed window: the window is split into `buckets` parts and the oldest part counts whole, so that
 * no interval of `windowMs` ever admits more than `max`. The price is a throughput of at least buckets / (buckets + 1).
 */
export interface WindowLimit {
  readonly windowMs: number;
  readonly buckets: number;
  readonly max: number;
}

/** Amounts by bucket index (instant divided by bucket width), and their sum. */
export interface WindowState {
  readonly amounts: Map<number, number>;
  sum: number;
}

/** `bucket` is where the amount belongs: it is attributed to the instant of admission, and refunds go there too. */
export type WindowDecision =
  | { readonly kind: 'fits'; readonly bucket: number }
  | { readonly kind: 'full'; readonly retryAfterMs: number }
  | { readonly kind: 'never' };

export function emptyWindow(): WindowState {
  return { amounts: new Map(), sum: 0 };
}

/** Buckets of a window: 20, or 60 from ten minutes on (at most 4.8 % and 1.6 % under the limit). */
export function bucketsOf(windowMs: number): number {
  return windowMs >= 600_000 ? 60 : 20;
}

/** May `amount` more be admitted at `nowMs`? `never` when it exceeds the limit alone. */
export function checkWindow(state: WindowState, limit: WindowLimit, amount: number, nowMs: number): WindowDecision {
  if (amount > limit.max) return { kind: 'never' };

  const bucket = expire(state, limit, nowMs);
  if (state.sum + amount <= limit.max) return { kind: 'fits', bucket };
  return { kind: 'full', retryAfterMs: waitFor(state, limit, state.sum + amount - limit.max, nowMs) };
}

/** Adds to a bucket; a negative amount refunds. A bucket that has left the window is not brought back. */
export function addToBucket(state: WindowState, bucket: number, amount: number): void {
  const before = state.amounts.get(bucket) ?? 0;
  const after = Math.max(0, before + amount);
  state.amounts.set(bucket, after);
  state.sum += after - before;
}

/** Replaces a reserved amount by the real one, in the bucket of its admission; does nothing once that has expired. */
export function correctBucket(state: WindowState, bucket: number, difference: number): void {
  if (state.amounts.has(bucket)) addToBucket(state, bucket, difference);
}

/** Amount that counts at `nowMs`. */
export function usedAmount(state: WindowState, limit: WindowLimit, nowMs: number): number {
  expire(state, limit, nowMs);
  return state.sum;
}

/** Drops dead buckets and returns the current one. Buckets ahead of the clock (it stepped back) fold into the current. */
function expire(state: WindowState, limit: WindowLimit, nowMs: number): number {
  const width = limit.windowMs / limit.buckets;
  const current = Math.floor(nowMs / width);
  const oldest = current - limit.buckets;
  let ahead = 0;
  for (const [bucket, amount] of state.amounts) {
    if (bucket < oldest) {
      state.amounts.delete(bucket);
      state.sum -= amount;
    } else if (bucket > current + 1) {
      state.amounts.delete(bucket);
      ahead += amount;
    }
  }
  if (ahead > 0) state.amounts.set(current, (state.amounts.get(current) ?? 0) + ahead);
  return current;
}

/** Time until buckets worth `needed` have left the window. */
function waitFor(state: WindowState, limit: WindowLimit, needed: number, nowMs: number): number {
  const width = limit.windowMs / limit.buckets;
  let freed = 0;
  for (const bucket of [...state.amounts.keys()].sort((left, right) => left - right)) {
    freed += state.amounts.get(bucket) ?? 0;
    if (freed >= needed) return Math.max(1, Math.ceil((bucket + limit.buckets + 1) * width - nowMs));
  }
  return Math.ceil(limit.windowMs + width);
}
