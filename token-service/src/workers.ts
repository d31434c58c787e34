import { hasLongRun } from '@ai-gateway/tokenizer';
import { Piscina } from 'piscina';
import type { Answer, QuestionKind } from './answers.ts';
import { RequestError } from './parse-body.ts';
import type { Task, WorkerAnswer, WorkerSettings } from './worker.ts';

/** Threads that take what would hold up the thread that answers. */
export interface Workers {
  /** Rejects with QueueFull, with RequestError, and when `signal` aborts. */
  ask(task: Extract<Task, { body: unknown }>, signal: AbortSignal): Promise<Answer>;
  /** Reads and packs a vocabulary; undefined when it cannot be packed. */
  read(vocabulary: string): Promise<Uint8Array | undefined>;
  queueLength(): number;
  close(): Promise<void>;
}

/** Too many large texts wait to be counted. */
export class QueueFull extends Error {}

/** From this size on a question goes to a worker; a cut counts parts of its text repeatedly. */
const LARGE_BYTES: Readonly<Record<QuestionKind, number>> = { calculate: 65_536, cut: 16_384, tokenize: 16_384 };

const MAX_WAITING = 64;

/** Smaller questions are answered at once, whatever is in them. */
const SMALL_BYTES = 2_048;

/** Whether a question is for a worker: one that is large, or whose text has a run that is slow to merge. */
export function isLarge(kind: QuestionKind, body: Buffer): boolean {
  if (body.length <= SMALL_BYTES) return false;
  return body.length > LARGE_BYTES[kind] || hasLongRun(body.toString());
}

export function startWorkers(count: number, settings: WorkerSettings): Workers {
  const options = { filename: new URL('./worker.ts', import.meta.url).href, name: 'work', workerData: settings };
  const pool = new Piscina({ ...options, minThreads: 1, maxThreads: count, maxQueue: MAX_WAITING });
  // Reading must not wait behind large texts: requests wait for it. The thread ends when it has nothing to do.
  const readers = new Piscina({ ...options, minThreads: 0, maxThreads: 1, idleTimeout: 1_000 });
  return {
    async ask(task, signal) {
      if (pool.queueSize >= MAX_WAITING) throw new QueueFull('Too many large texts wait to be counted.');
      const found: WorkerAnswer = await pool.run(task, { signal });
      if ('refusal' in found) throw new RequestError(found.refusal.status, found.refusal.message);
      return found.answer;
    },
    read: (vocabulary) => readers.run({ kind: 'read', vocabulary } satisfies Task),
    queueLength: () => pool.queueSize,
    close: async () => {
      await Promise.all([pool.destroy(), readers.destroy()]);
    },
  };
}
