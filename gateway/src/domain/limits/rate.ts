/**
 * Request rate by the Generic Cell Rate Algorithm (ITU-T I.371), one number of state.
 * In any interval of length w at most `burst + floor(w / emissionUs)` requests are admitted.
 */
export interface RateLimit {
  /** Microseconds between two requests at the sustained rate. */
  readonly emissionUs: number;
  /** Requests that may come at once; at least 1. */
  readonly burst: number;
}

/** `theoreticalArrivalUs` is the state to keep when the request is admitted. */
export type RateDecision =
  | { readonly kind: 'fits'; readonly theoreticalArrivalUs: number }
  | { readonly kind: 'full'; readonly retryAfterMs: number };

/**
 * May one more request pass at `nowUs`?
 * A state further ahead than the burst can explain means that the clock stepped back; it is pulled in.
 */
export function takeRate(theoreticalArrivalUs: number, limit: RateLimit, nowUs: number): RateDecision {
  const toleranceUs = limit.emissionUs * limit.burst;
  const arrivalUs = Math.min(Math.max(nowUs, theoreticalArrivalUs), nowUs + toleranceUs);
  const nextUs = arrivalUs + limit.emissionUs;
  const excessUs = nextUs - nowUs - toleranceUs;
  if (excessUs > 0) return { kind: 'full', retryAfterMs: Math.ceil(excessUs / 1000) };
  return { kind: 'fits', theoreticalArrivalUs: nextUs };
}

/** How many requests of the burst are spent at `nowUs`. */
export function usedBurst(theoreticalArrivalUs: number, limit: RateLimit, nowUs: number): number {
  const backlogUs = Math.max(0, Math.min(theoreticalArrivalUs - nowUs, limit.emissionUs * limit.burst));
  return Math.ceil(backlogUs / limit.emissionUs);
}
