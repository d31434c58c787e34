import { Piscina } from 'piscina';
import { answer, type Question } from './counter.ts';

/** Answers questions: small ones at once, large ones on worker threads. */
export interface Counting {
  /** Rejects with QueueFull when too many large texts wait, and when `signal` aborts. */
  ask(question: Question, sizeBytes: number, signal: AbortSignal): Promise<ReturnType<typeof answer>>;
  queueLength(): number;
  close(): Promise<void>;
}

/** Too many large texts wait to be counted. */
export class QueueFull extends Error {}

/** Larger questions go to a worker, so that they do not hold up small ones; a cut counts parts of its text repeatedly. */
const LARGE_BYTES = { calculate: 65_536, cut: 16_384 };

const MAX_WAITING = 64;

export function counting(workers: number): Counting {
  const pool = new Piscina({
    filename: new URL('./worker.ts', import.meta.url).href,
    name: 'work',
    minThreads: 1,
    maxThreads: workers,
    maxQueue: MAX_WAITING,
  });
  return {
    async ask(question, sizeBytes, signal) {
      if (sizeBytes <= LARGE_BYTES[question.kind]) return answer(question);
      if (pool.queueSize >= MAX_WAITING) throw new QueueFull('too many large texts wait to be counted');
      return pool.run(question, { signal });
    },
    queueLength: () => pool.queueSize,
    close: () => pool.destroy(),
  };
}
