import type { Upstream } from '@ai-gateway/contracts';
import type { ModelChoice } from './resolve-model.ts';

/** One place where a request may be answered. */
export interface Target {
  readonly choice: ModelChoice;
  readonly upstream: Upstream;
}
