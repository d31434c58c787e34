import type { Upstream } from '@ai-gateway/contracts';
import type { ModelChoice } from './resolve-model.ts';

/** One place where a request may be answered. */
export interface Target {
  readonly choice: ModelChoice;
  readonly upstream: Upstream;
  /** Secret of the provider; undefined when it wants none. */
  readonly secret: string | undefined;
}
