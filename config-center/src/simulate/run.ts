import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Simulation } from '@ai-gateway/contracts';
import type { LogRow } from '../db/request-log.ts';
import { Refusal } from '../domain/faults.ts';
import type { SimulateOptions } from './simulate.ts';

/** Reads a page of the log in order of arrival, after a row. */
export type ReadPage = (after: LogRow | undefined, size: number) => Promise<readonly LogRow[]>;

export interface RunOptions {
  /** Records that are replayed at most. */
  readonly maxRecords: number;
  readonly timeoutMs: number;
}

const PAGE = 2_000;

/** Memory of one simulation: the counters and what runs at a time, not the records. */
const LARGEST_HEAP_MB = 512;

/** One simulation at a time: each takes a processor. */
let isRunning = false;

/**
 * Replays records in a thread of its own, page by page.
 * @throws Refusal 409 while another one runs, 503 when it takes too long
 */
export async function runSimulation(
  simulated: SimulateOptions,
  read: ReadPage,
  options: RunOptions,
): Promise<Simulation> {
  if (isRunning) throw new Refusal(409, 'Another simulation is running. Please try again in a moment.');
  isRunning = true;
  const worker = new Worker(new URL('worker.ts', import.meta.url), {
    workerData: simulated,
    resourceLimits: { maxOldGenerationSizeMb: LARGEST_HEAP_MB },
  });
  try {
    return await replayAll(worker, read, options);
  } finally {
    isRunning = false;
    await worker.terminate();
  }
}

async function replayAll(worker: Worker, read: ReadPage, { maxRecords, timeoutMs }: RunOptions): Promise<Simulation> {
  const signal = AbortSignal.timeout(timeoutMs);
  let last: LogRow | undefined;
  let replayed = 0;
  let isMore = true;
  while (isMore && replayed < maxRecords) {
    const size = Math.min(PAGE, maxRecords - replayed);
    const page = await read(last, size);
    isMore = page.length === size;
    last = page.at(-1) ?? last;
    replayed += page.length;
    if (page.length > 0) await answerTo(worker, page, signal);
  }
  const isTruncated = isMore && (await read(last, 1)).length > 0;
  const result = await answerTo(worker, [], signal);
  return {
    // The answer of worker.ts to an empty page.
    ...(result as Omit<Simulation, 'isTruncated' | 'replayedTo'>),
    isTruncated,
    ...(last !== undefined && { replayedTo: new Date(last.atMs).toISOString() }),
  };
}

async function answerTo(worker: Worker, page: readonly LogRow[], signal: AbortSignal): Promise<unknown> {
  worker.postMessage(page.map(({ record }) => record));
  try {
    const [answer] = await once(worker, 'message', { signal });
    return answer;
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new Refusal(503, 'The simulation takes too long. Please choose a shorter range.');
  }
}
