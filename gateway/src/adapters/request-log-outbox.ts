import { REQUEST_LOG_BATCH, type RequestLogRecord } from '@ai-gateway/contracts';
import type { Metrics, RequestLog, RequestRecord } from '../services.ts';
import { requestLogRecordOf } from './request-log-record.ts';

/** Tells a batch to the config center; rejects when it cannot, and then the same batch is told again. */
export type ShipRecords = (records: readonly RequestLogRecord[]) => Promise<void>;

export interface RequestLogOutboxOptions {
  readonly gatewayId: string;
  readonly ship: ShipRecords;
  readonly newId: () => string;
  readonly metrics: Pick<Metrics, 'requestLog'>;
  /** Records that wait at most; the oldest are dropped for new ones. */
  readonly capacity?: number;
  readonly periodMs?: number;
}

/** A few minutes of a busy gateway, in some 20 MB. */
const CAPACITY = 20_000;
const PERIOD_MS = 500;

/** Silent periods after a failure: doubled from one, up to this many. */
const LONGEST_PAUSE = 20;

/** How long a stop waits for the last records to be told. */
const CLOSE_MS = 1_000;

/** Keeps records of ended requests until they are told; bounded, in memory, and in nobody's way. */
export function requestLogOutbox(options: RequestLogOutboxOptions): RequestLog & {
  waiting(): number;
  close(): Promise<void>;
} {
  const { gatewayId, ship, newId, metrics, capacity = CAPACITY, periodMs = PERIOD_MS } = options;
  let waiting: RequestRecord[] = [];
  /** What is being told, or is to be told again under the same ids. */
  let batch: readonly RequestLogRecord[] = [];
  let running: Promise<void> | undefined;
  let pause = 0;
  let left = 0;
  const timer = setInterval(() => {
    if (left-- <= 0) void flush();
  }, periodMs);
  timer.unref();

  function flush(): Promise<void> {
    running ??= shipAll().finally(() => {
      running = undefined;
    });
    return running;
  }

  async function shipAll(): Promise<void> {
    for (;;) {
      if (batch.length === 0) {
        batch = waiting
          .slice(0, REQUEST_LOG_BATCH)
          .map((record) => requestLogRecordOf(record, { gatewayId, recordId: newId() }));
        waiting = waiting.slice(batch.length);
      }
      if (batch.length === 0) return;
      try {
        await ship(batch);
      } catch {
        // Whoever fetches the rules logs what is away.
        pause = Math.min(LONGEST_PAUSE, Math.max(1, pause * 2));
        left = pause;
        return;
      }
      metrics.requestLog('shipped', batch.length);
      batch = [];
      pause = 0;
      left = 0;
    }
  }

  return {
    note(record) {
      waiting.push(record);
      if (waiting.length < capacity * 1.1) return;
      // A tenth at a time: moving all that waits for each new record would cost more than the request.
      metrics.requestLog('dropped', waiting.length - capacity);
      waiting = waiting.slice(-capacity);
    },
    waiting: () => waiting.length + batch.length,
    async close() {
      clearInterval(timer);
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const giveUp = setTimeout(resolve, CLOSE_MS);
      await Promise.race([flush().then(() => flush()), late]);
      clearTimeout(giveUp);
    },
  };
}
