import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { CachedCount } from './domain/cached-count.ts';
import type { Calibrations } from './domain/calibration.ts';
import type { Library } from './vocabularies/library.ts';
import type { Workers } from './workers.ts';

export interface MeasuredParts {
  readonly workers: Workers;
  readonly cache: CachedCount;
  readonly library: Library;
  readonly calibrations: Calibrations;
}

export type ServiceMetrics = ReturnType<typeof serviceMetrics>;

/** Models whose errors are published; the names come from clients, so their number is bounded. */
const MAX_MODELS = 50;

/** What the service tells Prometheus. */
export function serviceMetrics({ workers, cache, library, calibrations }: MeasuredParts) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'token_service_' });
  const registers = [registry];
  new Gauge({
    name: 'token_service_queue_length',
    help: 'Large texts that wait for a worker.',
    registers,
    collect() {
      this.set(workers.queueLength());
    },
  });
  new Counter({
    name: 'token_service_cache_parts_total',
    help: 'Parts of long texts, by whether their count was remembered (hit) or made (miss); the main thread alone.',
    labelNames: ['result'],
    registers,
    collect() {
      this.reset();
      this.inc({ result: 'hit' }, cache.hits());
      this.inc({ result: 'miss' }, cache.misses());
    },
  });
  new Gauge({
    name: 'token_service_vocabulary_loaded',
    help: '1 = the vocabulary is in memory.',
    labelNames: ['vocabulary'],
    registers,
    collect() {
      for (const { name, is_loaded } of library.list()) this.set({ vocabulary: name }, is_loaded ? 1 : 0);
    },
  });
  modelGauge(
    'token_service_estimate_error',
    'Mean |estimate - reported| / reported of models without a public vocabulary.',
    'mean_error',
  );
  modelGauge(
    'token_service_estimate_ratio',
    'Reported tokens per token counted, of models without a public vocabulary.',
    'ratio',
  );

  function modelGauge(name: string, help: string, field: 'mean_error' | 'ratio'): void {
    new Gauge({
      name,
      help,
      labelNames: ['model'],
      registers,
      collect() {
        this.reset();
        const most = Object.entries(calibrations.all()).toSorted(([, left], [, right]) => right.samples - left.samples);
        for (const [model, calibration] of most.slice(0, MAX_MODELS)) this.set({ model }, calibration[field]);
      },
    });
  }

  return {
    registry,
    items: new Counter({
      name: 'token_service_items_total',
      help: 'Questions answered, by kind, vocabulary and exactness.',
      labelNames: ['kind', 'vocabulary', 'exact'],
      registers,
    }),
    seconds: new Histogram({
      name: 'token_service_count_seconds',
      help: 'Time to answer one question.',
      labelNames: ['kind'],
      buckets: [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
      registers,
    }),
  };
}
