import type { AttemptFailure } from './retry.ts';

/** The status by which Portkey says that a guardrail of its own refuses the request. */
const GUARDRAIL_REFUSES = 446;

/**
 * What a failure of a Portkey gateway means. What it refuses itself is not the client's request but the config that it was
 * told, so that another provider may still answer.
 */
export function portkeyFailure(failure: AttemptFailure): AttemptFailure {
  if (failure.kind !== 'status') return failure;
  const { status, message, routerMessage } = failure;
  if (routerMessage !== undefined) return { ...failure, status: 502, internal: `Portkey: ${routerMessage}` };
  return status === GUARDRAIL_REFUSES ? { ...failure, status: 400, message } : failure;
}
