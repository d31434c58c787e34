import { amountOf, type LimitStatus } from '@ai-gateway/contracts';

/** A value of a counter in its unit; money comes as micro-units. */
export function limitValue(value: number, counts: LimitStatus['counts']): string {
  return counts === 'cost' ? amountOf(BigInt(Math.round(value)) * 1_000n) : value.toLocaleString();
}
