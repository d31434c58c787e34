import type { AttemptFailure } from './retry.ts';

/** The status by which Portkey says that a guardrail of its own refuses the request. */
const GUARDRAIL_REFUSES = 446;

/** Statuses that speak of a key, or of what is left on it. */
const OF_KEY: ReadonlySet<number> = new Set([401, 402, 403]);

/**
 * What a failure of a Portkey gateway means for us. What it refuses itself is not the client's request but what we told it:
 * our key for it, which stays a refused key, or the config, so that another provider may still answer. A key that a
 * target refuses is not our key for Portkey, which must not be left alone for it.
 */
export function portkeyFailure(failure: AttemptFailure): AttemptFailure {
  if (failure.kind !== 'status') return failure;
  const { status, routerMessage } = failure;
  if (status === GUARDRAIL_REFUSES) return { ...failure, status: 400 };
  if (routerMessage === undefined) {
    return OF_KEY.has(status)
      ? { ...failure, status: 502, internal: `a target of Portkey answered ${status}` }
      : failure;
  }
  const internal = `Portkey: ${routerMessage}`;
  return { ...failure, status: OF_KEY.has(status) ? status : 502, internal };
}
