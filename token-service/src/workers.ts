import { hasLongRun } from '@ai-gateway/tokenizer';
import { Piscina } from 'piscina';
import type { Answer, QuestionKind } from './answers.ts';
import { RequestError } from './parse-body.ts';
import type { Task, WorkerAnswer, WorkerSettings } from './worker.ts';

/** Threads that take what would hold up the thread that answers. */
export interface Workers {
  /** Rejects with QueueFull, with RequestError, and when `signal` aborts while it waits. */
  ask(task: Extract<Task, { body: unknown }>, signal: AbortSignal): Promise<Answer>;
  /** Reads and packs a vocabulary; undefined when it cannot be packed. */
  read(vocabulary: string): Promise<Uint8Array | undefined>;
  queueLength(): number;
  close(): Promise<void>;
}

/** Too many large texts wait to be counted. */
export class QueueFull extends Error {
  readonly status = 503;
}

/** From this size on a question goes to a worker; a cut counts parts of its text repeatedly. */
const LARGE_BYTES: Readonly<Record<QuestionKind, number>> = { calculate: 65_536, cut: 16_384, tokenize: 16_384 };

const MAX_WAITING = 64;

/** Smaller questions are answered at once, whatever is in them. */
const SMALL_BYTES = 2_048;

/** Whether a question of this size is for a worker, whatever is in it. */
export function isLarge(kind: QuestionKind, sizeBytes: number): boolean {
  return sizeBytes > LARGE_BYTES[kind];
}

/** Whether a question that is not large is for a worker all the same: it has a run that is slow to merge. */
export function isSlow(json: unknown, sizeBytes: number): boolean {
  return sizeBytes > SMALL_BYTES && hasSlowText(json);
}

function hasSlowText(json: unknown): boolean {
  if (typeof json === 'string') return hasLongRun(json);
  return typeof json === 'object' && json !== null && Object.values(json).some(hasSlowText);
}

/**
 * Lets so many in at a time. Who leaves while waiting is forgotten; a question that is being counted is counted to its
 * end, because ending a thread would cost its vocabularies.
 */
function waitingLine(places: number) {
  let taken = 0;
  const waiting = new Set<() => void>();
  return {
    length: () => waiting.size,
    async enter(signal: AbortSignal): Promise<void> {
      signal.throwIfAborted();
      if (taken < places) {
        taken++;
        return;
      }
      if (waiting.size >= MAX_WAITING) throw new QueueFull('Too many large texts wait to be counted.');
      await new Promise<void>((resolve, reject) => {
        const go = () => {
          signal.removeEventListener('abort', giveUp);
          resolve();
        };
        const giveUp = () => {
          waiting.delete(go);
          reject(signal.reason);
        };
        waiting.add(go);
        signal.addEventListener('abort', giveUp, { once: true });
      });
    },
    /** Hands the place on to who has waited longest. */
    leave(): void {
      const [next] = waiting;
      if (next === undefined) {
        taken--;
        return;
      }
      waiting.delete(next);
      next();
    },
  };
}

export function startWorkers(count: number, settings: WorkerSettings): Workers {
  const options = { filename: new URL('./worker.ts', import.meta.url).href, name: 'work', workerData: settings };
  const pool = new Piscina({ ...options, minThreads: 1, maxThreads: count });
  // Reading must not wait behind large texts: requests wait for it. The thread ends when it has nothing to do.
  const readers = new Piscina({ ...options, minThreads: 0, maxThreads: 1, idleTimeout: 1_000 });
  const line = waitingLine(count);
  return {
    async ask(task, signal) {
      await line.enter(signal);
      try {
        const found: WorkerAnswer = await pool.run(task);
        if ('refusal' in found) throw new RequestError(found.refusal.status, found.refusal.message);
        return found.answer;
      } finally {
        line.leave();
      }
    },
    read: (vocabulary) => readers.run({ kind: 'read', vocabulary } satisfies Task),
    queueLength: line.length,
    close: async () => {
      await Promise.all([pool.destroy(), readers.destroy()]);
    },
  };
}
