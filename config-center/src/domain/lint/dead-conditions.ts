import { type Condition, isDeadPattern } from '@ai-gateway/contracts';

/** Rule and message of a pattern that can be shown to match nothing. */
export const DEAD_PATTERN = [
  'pattern-never-matches',
  'No text can match the pattern: its anchors contradict each other, or it needs characters that are never there.',
] as const;

/** Whether a condition has a pattern that certainly matches nothing. One that does not compile has other faults. */
export function isDead({ source, operator, value }: Condition): boolean {
  if (operator !== 'regex') return false;
  try {
    return isDeadPattern(value, source);
  } catch {
    return false;
  }
}
