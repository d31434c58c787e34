/**
 * Conservative bucketed window: the window is split into `buckets` parts and the oldest part counts whole, so that
 * no interval of `windowMs` ever admits more than `max`. The price is a throughput of at least buckets / (buckets + 1).
 */
export interface WindowLimit {
  readonly windowMs: number;
  readonly buckets: number;
  readonly max: number;
}

/** The part of a limit that gives bucket numbers their meaning. */
export type WindowShape = Pick<WindowLimit, 'windowMs' | 'buckets'>;

/** Amounts by bucket number (instant divided by bucket width), their sum, and the lowest and highest number in use. */
export interface WindowState {
  readonly amounts: Map<number, number>;
  sum: number;
  lowest: number;
  highest: number;
  /**
   * Set once the clock has stepped back: buckets after `into`, up to `to`, were folded into `into`. What was admitted
   * there cannot be told from what is admitted there later, so nothing is refunded to these buckets.
   */
  folded?: { readonly into: number; readonly to: number } | undefined;
}

/** A state without amounts; the numbers are set by the first use. */
export function emptyWindow(): WindowState {
  return { amounts: new Map(), sum: 0, lowest: 0, highest: 0 };
}

/** Buckets of a window: 20, or 60 from ten minutes on (at most 4.8 % and 1.6 % under the limit). */
export function bucketsOf(windowMs: number): number {
  return windowMs >= 600_000 ? 60 : 20;
}

/** The bucket of an instant: amounts are attributed to the admission, and refunds go there too. */
export function bucketAt({ windowMs, buckets }: WindowShape, atMs: number): number {
  return Math.floor(atMs / (windowMs / buckets));
}

/**
 * Drops what has left the window. Buckets further ahead than the next one mean that the clock stepped back: everything
 * is folded into the current bucket.
 */
export function expireWindow(state: WindowState, shape: WindowShape, nowMs: number): void {
  const current = bucketAt(shape, nowMs);
  if (state.amounts.size === 0) {
    state.lowest = current;
    state.highest = current;
    state.folded = undefined;
    return;
  }
  if (state.highest > current + 1) {
    state.folded = { into: current, to: Math.max(state.highest, state.folded?.to ?? 0) };
    state.amounts.clear();
    state.amounts.set(current, state.sum);
    state.lowest = current;
    state.highest = current;
    return;
  }
  const oldest = current - shape.buckets;
  for (; state.lowest < oldest && state.lowest <= state.highest; state.lowest++) {
    state.sum -= state.amounts.get(state.lowest) ?? 0;
    state.amounts.delete(state.lowest);
  }
  if (state.amounts.size === 0) {
    state.lowest = current;
    state.highest = current;
    state.folded = undefined;
  }
}

/** Adds to a bucket; a negative amount refunds. */
export function addToBucket(state: WindowState, bucket: number, amount: number): void {
  const before = state.amounts.get(bucket) ?? 0;
  const after = Math.max(0, before + amount);
  if (state.amounts.size === 0) {
    state.lowest = bucket;
    state.highest = bucket;
  }
  state.amounts.set(bucket, after);
  state.sum += after - before;
  state.lowest = Math.min(state.lowest, bucket);
  state.highest = Math.max(state.highest, bucket);
}

/**
 * Where more is added to an amount that was admitted in a bucket: undefined once it has left the window. If the bucket
 * was folded and nothing was admitted there since, in the one that it was folded into.
 */
export function placeOf(state: WindowState, bucket: number): number | undefined {
  if (state.amounts.has(bucket)) return bucket;
  const into = isFolded(state, bucket) ? state.folded?.into : undefined;
  return into !== undefined && state.amounts.has(into) ? into : undefined;
}

/** Corrects an amount in the bucket of its admission; does nothing once that bucket has left the window. */
export function correctBucket(state: WindowState, bucket: number, difference: number): void {
  const place = placeOf(state, bucket);
  if (place === undefined || (difference < 0 && isFolded(state, bucket))) return;
  addToBucket(state, place, difference);
}

function isFolded({ folded }: WindowState, bucket: number): boolean {
  return folded !== undefined && bucket > folded.into && bucket <= folded.to;
}

/** Time until buckets worth `needed` have left the window. */
export function waitForRoom(state: WindowState, shape: WindowShape, needed: number, nowMs: number): number {
  const width = shape.windowMs / shape.buckets;
  let freed = 0;
  for (let bucket = state.lowest; bucket <= state.highest; bucket++) {
    freed += state.amounts.get(bucket) ?? 0;
    if (freed >= needed) return Math.max(1, Math.ceil((bucket + shape.buckets + 1) * width - nowMs));
  }
  return Math.ceil(shape.windowMs + width);
}

/** Time until nothing counts any more, if nothing is added. */
export function windowResetMs(
  { sum, highest }: Pick<WindowState, 'sum' | 'highest'>,
  shape: WindowShape,
  nowMs: number,
): number {
  if (sum === 0) return 0;
  const width = shape.windowMs / shape.buckets;
  return Math.max(0, Math.ceil((highest + shape.buckets + 1) * width - nowMs));
}
