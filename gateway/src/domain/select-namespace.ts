import { type RequestView, readField } from '@ai-gateway/contracts';
import type { CompiledConfig, RankedMatcher } from './compile-snapshot.ts';

/**
 * The matcher that assigns a request to its namespace: the first that matches, in the total order priority, source
 * (header, body, query, path), id. Its cost does not grow with the number of equality matchers.
 */
export function selectMatcher(config: CompiledConfig, request: RequestView): RankedMatcher | undefined {
  let best: RankedMatcher | undefined;
  for (const { read, byValue } of config.equalities) {
    const value = readField(read, request);
    const found = value === undefined ? undefined : byValue.get(value);
    if (found !== undefined && (best === undefined || found.rank < best.rank)) best = found;
  }
  for (const matcher of config.sequential) {
    if (best !== undefined && best.rank < matcher.rank) break;
    if (matcher.matches(request)) {
      best = matcher;
      break;
    }
  }
  return best;
}
