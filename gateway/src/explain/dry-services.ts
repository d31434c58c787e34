import type { Limits, LimitsPreview, Metrics, Services, TokenCounter } from '../services.ts';

/** Services that take nothing and count nothing, and what the limits were asked. */
export interface DryServices {
  readonly services: Services;
  /** One for each time that limits were asked, in order. */
  readonly previews: readonly LimitsPreview[];
}

export interface DryTerms {
  /** Hash of the virtual key that the request is to come with. */
  readonly secretHash: string | undefined;
  readonly recordedInputTokens: number | undefined;
}

/** Metrics of what did not happen. */
export const SILENT: Metrics = {
  started: () => {},
  ended: () => {},
  request: () => {},
  refusal: () => {},
  tokenCount: () => {},
  attempt: () => {},
  upstreamUp: () => {},
  limiter: () => {},
  requestLog: () => {},
  tokenDrift: () => {},
  cache: () => {},
};

/** What stages call when a request is only explained: the real rules, health and token counts, and limits that only tell. */
export function dryServices(services: Services, { secretHash, recordedInputTokens }: DryTerms): DryServices {
  const previews: LimitsPreview[] = [];
  const { config, tokens, limits, health, cache } = services;
  return {
    previews,
    services: {
      ...services,
      config: {
        current: () => config.current(),
        hashOf: (secret) => secretHash ?? config.hashOf(secret),
        refused: () => config.refused(),
      },
      limits: dryLimits(limits, previews),
      tokens: recordedInputTokens === undefined ? tokens : recordedCounter(recordedInputTokens),
      // It is nobody's turn, and no upstream is on trial.
      health: { ...health, rank: health.previewRank },
      cache: { read: (key) => cache.read(key), keep: () => {} },
      metrics: SILENT,
      requestLog: { note: () => {} },
    },
  };
}

function dryLimits(limits: Limits, previews: LimitsPreview[]): Limits {
  return {
    async take(all, request, patience) {
      const seen = await limits.preview(all, request, patience);
      previews.push(seen);
      return seen.decision;
    },
    preview: (all, request, patience) => limits.preview(all, request, patience),
    settle: async () => {},
    extend: async () => true,
    track: () => {},
    counters: (all) => limits.counters(all),
    report: (namespaceId, all) => limits.report(namespaceId, all),
    dataLost: async () => {},
    isDown: () => limits.isDown(),
    close: async () => {},
  };
}

/** Counts an input of which only the number of tokens is known. */
export function recordedCounter(recorded: number): TokenCounter {
  let isCounted = false;
  return {
    countChat: async () => ({ tokens: recorded, exact: true }),
    // Before an answer only inputs are counted so, those that are plain texts; the first stands for all.
    async cut() {
      const counted = isCounted ? 0 : recorded;
      isCounted = true;
      return { tokens: counted, cutAt: 0, cutTokens: 0, finalAt: 0, finalTokens: 0, exact: true };
    },
    // The text at hand says nothing of how many there were.
    tokensPerByte: () => Number.POSITIVE_INFINITY,
  };
}
