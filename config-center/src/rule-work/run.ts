import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type Fault, Refusal } from '../domain/faults.ts';
import { TASKS } from './tasks.ts';

type Name = keyof typeof TASKS;

/** What a thread is given. */
export interface ThreadTask {
  readonly name: Name;
  readonly input: unknown;
}

/** What a thread answers. */
export type ThreadAnswer =
  | { readonly kind: 'done'; readonly result: unknown }
  | { readonly kind: 'refused'; readonly status: number; readonly message: string; readonly faults: readonly Fault[] };

/** From this size of the input on a thread of its own pays, which takes some tenths of a second to start. Characters. */
const LARGE = 500_000;

const TIMEOUT_MS = 60_000;
const LARGEST_HEAP_MB = 2_048;

/**
 * Does work on all rules, in a thread of its own when there is much of it, so that other calls are answered meanwhile.
 * `size` is that of the input in characters, about.
 * @throws Refusal as the task does; 503 when it takes too long
 */
export async function runTask<const N extends Name>(
  name: N,
  input: Parameters<(typeof TASKS)[N]>[0],
  size: number,
): Promise<ReturnType<(typeof TASKS)[N]>> {
  // Each task is called with its own input and gives its own result, also by way of a thread.
  if (size < LARGE) return TASKS[name](input as never) as ReturnType<(typeof TASKS)[N]>;
  return (await inThread({ name, input })) as ReturnType<(typeof TASKS)[N]>;
}

async function inThread(task: ThreadTask): Promise<unknown> {
  const worker = new Worker(new URL('worker.ts', import.meta.url), {
    workerData: task,
    resourceLimits: { maxOldGenerationSizeMb: LARGEST_HEAP_MB },
  });
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const [answer] = (await once(worker, 'message', { signal })) as [ThreadAnswer];
    if (answer.kind === 'done') return answer.result;
    throw new Refusal(answer.status, answer.message, answer.faults);
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new Refusal(503, 'There are too many rules to look through in time.');
  } finally {
    await worker.terminate();
  }
}
