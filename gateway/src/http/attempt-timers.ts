import type { ClientRequest } from 'node:http';
import type { Upstream } from '@ai-gateway/contracts';

/** Ends a request upstream that is silent for longer than its upstream may be. */
export interface AttemptTimers {
  /** The answer has begun: from now on it may be silent for as long as `idleTimeoutMs`. */
  answered(): void;
  stop(): void;
}

/** Watches a request that is not made by the upstream client: connecting, the first byte, silence, and the whole. */
export function watchAttempt(request: ClientRequest, upstream: Upstream): AttemptTimers {
  const { connectTimeoutMs, firstByteTimeoutMs, idleTimeoutMs, totalTimeoutMs } = upstream;
  const giveUp = (what: string) =>
    request.destroy(Object.assign(new Error(`${what} took too long`), { code: 'ETIMEDOUT' }));
  const total = setTimeout(() => giveUp('the whole'), totalTimeoutMs);
  let connecting: NodeJS.Timeout | undefined;
  request.on('socket', (socket) => {
    if (!socket.connecting) return;
    connecting = setTimeout(() => giveUp('connecting'), connectTimeoutMs);
    socket.once('connect', () => clearTimeout(connecting));
  });
  // Of silence: an upload that goes on is not silent.
  request.setTimeout(firstByteTimeoutMs, () => giveUp('the answer'));

  function stop(): void {
    clearTimeout(total);
    clearTimeout(connecting);
    request.setTimeout(0);
  }
  request.once('close', stop);
  return { answered: () => request.setTimeout(idleTimeoutMs), stop };
}
