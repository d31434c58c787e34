import { amountOf, type HeldPrice, type TokenAmounts } from './amounts.ts';
import type { Limit } from './plan.ts';
import type { TokenPolicy } from './plan-namespace.ts';
import type { LimitDecision } from './reserve.ts';

/** The most output tokens that a request may have over all its choices, and who says so. */
export interface OutputCap {
  readonly tokens: number;
  readonly setBy: { readonly kind: 'client' | 'model' } | { readonly kind: 'policy'; readonly policyId: string };
}

export interface CapInput {
  /** What the client asked for, per choice. */
  readonly clientMax: number | undefined;
  readonly choices: number;
  /** What the model can give, per choice, where that is known. */
  readonly modelMax?: number | undefined;
  readonly policies: readonly { readonly policyId: string; readonly maxOutputTokens: number | undefined }[];
}

/**
 * The smallest cap that applies. A client's maximum is per choice (OpenAI's meaning of `max_tokens`), a policy's is for
 * the whole request, so that `n` cannot multiply it; that of the model is per choice. Undefined when nobody caps.
 */
export function outputCapOf({ clientMax, choices, modelMax, policies }: CapInput): OutputCap | undefined {
  let cap: OutputCap | undefined =
    clientMax === undefined ? undefined : { tokens: clientMax * choices, setBy: { kind: 'client' } };
  if (modelMax !== undefined && (cap === undefined || modelMax * choices < cap.tokens)) {
    cap = { tokens: modelMax * choices, setBy: { kind: 'model' } };
  }
  for (const { policyId, maxOutputTokens } of policies) {
    if (maxOutputTokens === undefined) continue;
    if (cap === undefined || maxOutputTokens < cap.tokens) {
      cap = { tokens: maxOutputTokens, setBy: { kind: 'policy', policyId } };
    }
  }
  return cap;
}

/** What is known of a request when its demand is worked out. */
export interface DemandInput {
  readonly clientMax: number | undefined;
  /** 0: the answer has no tokens. */
  readonly choices: number;
  readonly inputTokens: number;
  readonly tokenPolicies: readonly TokenPolicy[];
  /** What the model gives per choice at most, where that is known. */
  readonly modelMax: number | undefined;
  /** Every limit that the request may come to take. */
  readonly limits: readonly Limit[];
  readonly price: HeldPrice | undefined;
}

/** What a request asks of the limits, and the cap of its output. */
export interface CappedDemand {
  readonly outputCap: OutputCap | undefined;
  readonly demand: TokenAmounts;
  /**
   * The client has named no maximum and some window counts output: what is asked for is a guess, which may shrink to
   * the room there is and grows while the answer does.
   */
  readonly isGuess: boolean;
}

/** Output reserved per choice when nobody caps it. */
const UNCAPPED_OUTPUT_ESTIMATE = 1024;

/**
 * A client that names a maximum gets it reserved whole; for one that does not, what is reserved is a guess that never
 * exceeds what the windows can hold.
 */
export function demandOf(input: DemandInput): CappedDemand {
  const { clientMax, choices, inputTokens, tokenPolicies, modelMax, limits, price } = input;
  if (choices === 0) return { outputCap: undefined, isGuess: false, demand: { inputTokens, outputTokens: 0 } };
  const enforced = tokenPolicies.filter(({ policy }) => policy.mode === 'enforce');
  const outputCap = outputCapOf({
    clientMax,
    choices,
    modelMax,
    policies: enforced.map(({ policy, rule }) => ({ policyId: policy.id, maxOutputTokens: rule.maxOutputTokens })),
  });
  const estimate = UNCAPPED_OUTPUT_ESTIMATE * choices;
  // What the model could give at most says little about what it will.
  const isOnlyOfModel = outputCap?.setBy.kind === 'model' && clientMax === undefined;
  const wanted = isOnlyOfModel ? Math.min(outputCap.tokens, estimate) : (outputCap?.tokens ?? estimate);
  const largest = largestOutput(limits, inputTokens, price);
  const isGuess = clientMax === undefined && largest < Number.POSITIVE_INFINITY;
  return { outputCap, isGuess, demand: { inputTokens, outputTokens: isGuess ? Math.min(wanted, largest) : wanted } };
}

/**
 * The maximum per choice to ask of the provider, so that cutting is the exception. A model keeps to its own maximum by
 * itself, so it is told of it only where the client wants more.
 */
export function upstreamMaxOf(
  clientMax: number | undefined,
  cap: OutputCap | undefined,
  modelMax?: number,
): number | undefined {
  if (cap === undefined) return clientMax;
  const most = Math.min(clientMax ?? cap.tokens, cap.tokens, modelMax ?? cap.tokens);
  return clientMax === undefined && cap.setBy.kind === 'model' ? undefined : most;
}

/**
 * Most output tokens that enforced windows could ever hold beside the input; Infinity when none counts output, and at
 * least 1, so that a window that cannot even hold the input refuses for that.
 */
export function largestOutput(limits: readonly Limit[], inputTokens: number, price: HeldPrice | undefined): number {
  let largest = Number.POSITIVE_INFINITY;
  for (const limit of limits) {
    if (limit.kind !== 'window' || limit.isObserved) continue;
    if (limit.counts === 'total') largest = Math.min(largest, limit.max - inputTokens);
    if (limit.counts === 'output') largest = Math.min(largest, limit.max);
    if (limit.counts === 'cost') largest = Math.min(largest, affordable(limit.max, inputTokens, price));
  }
  return Math.max(1, largest);
}

/** A guess does not shrink below this: an answer that would be cut sooner is refused instead. */
const SMALLEST_GUESS = 64;

/**
 * What to ask for instead of a guess that was refused: the room that its windows have, but not less than the smallest
 * guess; undefined when something else than room for output refuses.
 */
export function shrunkGuess(
  { inputTokens, outputTokens }: TokenAmounts,
  { failures, readings }: Extract<LimitDecision, { kind: 'refused' }>,
): number | undefined {
  let room = outputTokens;
  for (const { limit, retryAfterMs } of failures) {
    if (limit.kind !== 'window' || (limit.counts !== 'total' && limit.counts !== 'output')) return undefined;
    const remaining = readings.find((reading) => reading.limit.key === limit.key)?.remaining ?? 0;
    if (retryAfterMs !== undefined)
      room = Math.min(room, limit.counts === 'total' ? remaining - inputTokens : remaining);
  }
  const guess = Math.max(Math.min(SMALLEST_GUESS, outputTokens), room);
  return guess < outputTokens ? guess : undefined;
}

/** Output tokens that `maxMicros` pays for beside the input. */
function affordable(maxMicros: number, inputTokens: number, price: HeldPrice | undefined): number {
  const perMillion = BigInt(price?.output ?? 0);
  if (perMillion === 0n) return Number.POSITIVE_INFINITY;
  const leftMicros = maxMicros - amountOf('cost', { inputTokens, outputTokens: 0 }, price);
  return leftMicros <= 0 ? 0 : Number((BigInt(leftMicros) * 1_000_000_000n) / perMillion);
}
