import type { HealthCheck } from '@ai-gateway/contracts';

/** What the checks beside the traffic say of an upstream. */
export interface ProbeHealth {
  readonly isUp: boolean;
  /** Results in a row that speak against `isUp`. */
  readonly against: number;
}

/** Up until checks say otherwise, so that a start does not wait for them. */
export const PROBED_UP: ProbeHealth = { isUp: true, against: 0 };

/** Health after a check; it turns after as many results in a row as the check asks for. */
export function afterProbe(
  { isUp, against }: ProbeHealth,
  isOk: boolean,
  { healthyAfter, unhealthyAfter }: Pick<HealthCheck, 'healthyAfter' | 'unhealthyAfter'>,
): ProbeHealth {
  if (isOk === isUp) return { isUp, against: 0 };
  const count = against + 1;
  return count >= (isUp ? unhealthyAfter : healthyAfter) ? { isUp: isOk, against: 0 } : { isUp, against: count };
}
