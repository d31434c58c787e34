import { parentPort, workerData } from 'node:worker_threads';
import { Refusal } from '../domain/faults.ts';
import type { ThreadAnswer, ThreadTask } from './run.ts';
import { TASKS } from './tasks.ts';

parentPort?.postMessage(answerTo(workerData as ThreadTask));

/** A refusal is told as data, since errors lose their fields between threads. */
function answerTo({ name, input }: ThreadTask): ThreadAnswer {
  try {
    // The one who asks has the input that the task takes.
    return { kind: 'done', result: TASKS[name](input as never) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { status, message, faults } = error;
    return { kind: 'refused', status, message, faults };
  }
}
