import { setTimeout as wait } from 'node:timers/promises';

/** Waits so long, or until the signal aborts. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal }).catch(() => {});
}
