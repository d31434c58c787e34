import type { Observation } from '@ai-gateway/contracts';
import { request } from 'undici';
import type { Observations } from '../services.ts';

export interface ObservationsOptions {
  readonly url: URL;
  /** See `Observations.outputShare`. */
  readonly outputShare: number;
}

const PERIOD_MS = 5_000;
const TIMEOUT_MS = 2_000;

/** Most observations of one batch; more in one period are forgotten. */
const LARGEST_BATCH = 1_000;

/** Tells the token service in batches. They teach estimates, which learn as well from the next: none is sent twice. */
export function httpObservations({ url, outputShare }: ObservationsOptions): Observations & { close(): void } {
  let waiting: Observation[] = [];
  const timer = setInterval(() => {
    const observations = waiting;
    waiting = [];
    if (observations.length > 0) void send(observations);
  }, PERIOD_MS);
  timer.unref();

  async function send(observations: readonly Observation[]): Promise<void> {
    try {
      const { body } = await request(new URL('/observations', url), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ observations }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await body.dump();
    } catch {
      // Counting shows and logs that the token service is away.
    }
  }

  return {
    outputShare,
    note(observation) {
      if (waiting.length < LARGEST_BATCH) waiting.push(observation);
    },
    close: () => clearInterval(timer),
  };
}
