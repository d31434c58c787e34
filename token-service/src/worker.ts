import { workerData } from 'node:worker_threads';
import { type Answer, answer, type QuestionKind } from './answers.ts';
import { cachedCount } from './domain/cached-count.ts';
import { calibrationKey, type Direction, firstGuess } from './domain/calibration.ts';
import { modelFile } from './model-file.ts';
import { jsonIn } from './parse-body.ts';
import { library, packedHere } from './vocabularies/library.ts';
import { templates } from './vocabularies/templates.ts';

/** What a worker thread is told at its start. */
export interface WorkerSettings {
  readonly vocabulariesFolder: string | undefined;
  readonly modelsFile: string | undefined;
}

/** One piece of work: a large question, or reading a vocabulary for the main thread. */
export type Task =
  | {
      readonly kind: QuestionKind;
      readonly body: Uint8Array;
      /** Learned ratios of estimates, which live in the main thread. */
      readonly ratios: Readonly<Record<string, number>>;
    }
  | { readonly kind: 'read'; readonly vocabulary: string };

const { vocabulariesFolder, modelsFile } = workerData as WorkerSettings;
const models = modelFile(modelsFile, () => undefined);
const cache = cachedCount();
const shelf = library(vocabulariesFolder, async (name) => packedHere(name, vocabulariesFolder));
const written = templates(vocabulariesFolder);

/** Entry of a worker thread. Refusals are values, because the classes of errors do not survive the way back. */
export async function work(task: Task): Promise<Uint8Array | undefined | WorkerAnswer> {
  if (task.kind === 'read') return packedHere(task.vocabulary, vocabulariesFolder);
  models.refresh();
  const { ratios } = task;
  const ratioOf = (model: string, direction: Direction) =>
    ratios[calibrationKey(model, direction)] ?? firstGuess(model);
  const parts = { library: shelf, models, templates: written, cache, ratioOf };
  try {
    return { answer: await answer(task.kind, jsonIn(Buffer.from(task.body)), parts) };
  } catch (error) {
    const status = (error as { status?: unknown }).status;
    if (typeof status === 'number') return { refusal: { status, message: (error as Error).message } };
    throw error;
  }
}

/** What comes back for a question. */
export type WorkerAnswer =
  | { readonly answer: Answer }
  | { readonly refusal: { readonly status: number; readonly message: string } };
