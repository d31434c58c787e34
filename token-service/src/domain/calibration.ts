import type { Calibration, Observation } from '@ai-gateway/contracts';
import { LARGEST_RATIO } from '@ai-gateway/tokenizer';

/** Inputs have marks and tools that texts have not, so the two are learned apart. */
export type Direction = Observation['direction'];

/** Name under which a model's ratio is kept and shown. */
export function calibrationKey(bareModel: string, direction: Direction): string {
  return `${bareModel} ${direction}`;
}

/** Models that are learned at once; the one that was reported longest ago is forgotten first. */
const MAX_MODELS = 500;

/** Share by which older reports lose weight with each new one, so that a change of the provider's is followed. */
const DECAY = 0.98;

/** Counted tokens that the first guess weighs, so that one odd report does not turn it over. */
const PRIOR_TOKENS = 2_000;

/** Reports beyond these ratios are taken for a mistake and forgotten. */
const MIN_RATIO = 0.25;

/**
 * First guesses of reported tokens per token of the vocabulary that is counted with. Claude's vocabulary makes more
 * tokens of a text than OpenAI's (published comparisons: 16 % more for English, 30 % for Python code); others are taken
 * as counted.
 */
const FIRST_GUESSES: readonly { readonly name: RegExp; readonly ratio: number }[] = [{ name: /^claude/, ratio: 1.2 }];

/** The ratio of a model of which nothing has been reported. */
export function firstGuess(bareModel: string): number {
  return FIRST_GUESSES.find(({ name }) => name.test(bareModel))?.ratio ?? 1;
}

interface Learned {
  counted: number;
  reported: number;
  samples: number;
  meanError: number;
}

/** Learns, model by model, how estimates relate to what providers report. */
export interface Calibrations {
  /** Reported tokens per token counted. */
  ratioOf(bareModel: string, direction: Direction): number;
  learn(bareModel: string, observation: Omit<Observation, 'model'>): void;
  /** Ratios and errors of all models that have been reported, by `calibrationKey`. */
  all(): Readonly<Record<string, Calibration>>;
}

export function calibrations(): Calibrations {
  const learned = new Map<string, Learned>();

  function ratioOf(key: string): number {
    const guess = firstGuess(key);
    const { counted, reported } = learned.get(key) ?? { counted: 0, reported: 0 };
    const ratio = (reported + guess * PRIOR_TOKENS) / (counted + PRIOR_TOKENS);
    return Math.min(LARGEST_RATIO, Math.max(MIN_RATIO, ratio));
  }

  return {
    ratioOf: (model, direction) => ratioOf(calibrationKey(model, direction)),
    learn(model, { direction, counted, reported, ratio }) {
      const key = calibrationKey(model, direction);
      const found = (reported * ratio) / counted;
      if (!(found >= MIN_RATIO && found <= LARGEST_RATIO)) return;
      const before = learned.get(key) ?? { counted: 0, reported: 0, samples: 0, meanError: 0 };
      const error = Math.abs(counted - reported) / reported;
      const share = Math.max(1 - DECAY, 1 / (before.samples + 1));
      learned.delete(key);
      learned.set(key, {
        // Senders may count by a ratio of a minute ago, so theirs is taken out and not the one of now.
        counted: before.counted * DECAY + counted / ratio,
        reported: before.reported * DECAY + reported,
        samples: before.samples + 1,
        meanError: before.meanError + (error - before.meanError) * share,
      });
      const [oldest] = learned.keys();
      if (learned.size > MAX_MODELS && oldest !== undefined) learned.delete(oldest);
    },
    all: () =>
      Object.fromEntries(
        [...learned].map(([key, { samples, meanError }]) => [
          key,
          { ratio: ratioOf(key), samples, mean_error: meanError },
        ]),
      ),
  };
}
