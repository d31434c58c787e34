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
};

/** What stages call when a request is only explained: the real rules, health and token counts, and limits that only tell. */
export function dryServices(services: Services, { secretHash, recordedInputTokens }: DryTerms): DryServices {
  const previews: LimitsPreview[] = [];
  const { config, tokens, limits } = services;
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
      tokens: recordedInputTokens === undefined ? tokens : recordedCounter(tokens, recordedInputTokens),
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
export function recordedCounter(tokens: TokenCounter, recorded: number): TokenCounter {
  return {
    countChat: async () => ({ tokens: recorded, exact: true }),
    cut: (model, text, maxTokens, from) => tokens.cut(model, text, maxTokens, from),
    tokensPerByte: (model) => tokens.tokensPerByte(model),
  };
}
