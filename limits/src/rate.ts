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

/** What the rate says at an instant, before anything is taken. */
export interface RateReading {
  /** Theoretical arrival time, in µs, pulled in if the clock stepped back. */
  readonly arrivalUs: number;
  /** Requests that would pass at once. */
  readonly remaining: number;
  /** Until the next request passes; 0 = now. */
  readonly waitMs: number;
}

/**
 * May one more request pass at `nowUs`?
 * A state further ahead than the burst can explain means that the clock stepped back; it is pulled in.
 */
export function readRate(theoreticalArrivalUs: number, limit: RateLimit, nowUs: number): RateReading {
  const toleranceUs = limit.emissionUs * limit.burst;
  const arrivalUs = Math.min(Math.max(nowUs, theoreticalArrivalUs), nowUs + toleranceUs);
  const excessUs = arrivalUs + limit.emissionUs - nowUs - toleranceUs;
  return {
    arrivalUs,
    remaining: Math.floor((toleranceUs - (arrivalUs - nowUs)) / limit.emissionUs),
    waitMs: excessUs > 0 ? Math.ceil(excessUs / 1000) : 0,
  };
}
