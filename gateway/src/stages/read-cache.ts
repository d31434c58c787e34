import type { CacheRule } from '@ai-gateway/contracts';
import { NO_TOKENS, upstreamMaxOf } from '@ai-gateway/limits';
import { cacheKeyOf } from '../domain/cache-key.ts';
import type { ModelChoice } from '../domain/resolve-model.ts';
import type { Addressed, Received, Stage } from '../exchange.ts';
import type { Chat } from '../protocols/openai-chat.ts';
import { dialectOf } from '../providers/dialects.ts';
import type { CachedAnswer, UpstreamResponse } from '../services.ts';
import type { Demand, OutputBounds } from './cap-output.ts';
import type { Matched } from './match-namespace.ts';
import type { Planned } from './plan-limits.ts';
import type { Prepared } from './prepare-call.ts';

/** What the cache of the namespace has to do with the request. */
export interface Caching extends Demand {
  /** A kept answer, to be replayed instead of asking a provider. */
  readonly cached: CachedAnswer | undefined;
  /** Where the answer is kept; undefined = it is not. */
  readonly keepAs: { readonly key: string; readonly rule: CacheRule } | undefined;
  readonly cacheHeaders: Readonly<Record<string, string>>;
}

type Cacheable = Received &
  Addressed &
  Matched &
  Planned &
  Demand &
  OutputBounds &
  Pick<Prepared, 'callFor'> & { readonly chat: Chat; readonly choice: ModelChoice };

/**
 * Looks for an answer to the same request. One that is found uses no tokens, so none are asked of the limits; requests
 * are counted as always. `cache-control: no-cache` asks for a fresh answer, `no-store` for one that is not kept.
 */
export const readCache: Stage<Cacheable, Caching> = async (exchange, { cache, metrics, nowMs }) => {
  const { namespace, demand, isGuess, headers, notes } = exchange;
  const rule = namespace.namespace.cache;
  if (rule === undefined) return { demand, isGuess, cached: undefined, keepAs: undefined, cacheHeaders: {} };

  const wish = String(headers['cache-control'] ?? '').toLowerCase();
  const isKept = !wish.includes('no-store');
  const key = keyOf(exchange, rule);
  const cached = isKept && !wish.includes('no-cache') ? await cache.read(key) : undefined;
  const result = cached === undefined ? missOf(isKept) : 'hit';
  metrics.cache(namespace.namespace.code, result);
  if (cached === undefined) {
    return {
      demand,
      isGuess,
      cached,
      keepAs: isKept ? { key, rule } : undefined,
      cacheHeaders: { 'x-gateway-cache': result },
    };
  }
  notes.isCached = true;
  notes.demand = NO_TOKENS;
  const age = Math.max(0, Math.floor((nowMs() - cached.storedAtMs) / 1000));
  const cacheHeaders = { 'x-gateway-cache': result, age: String(age) };
  return { demand: NO_TOKENS, isGuess: false, cached, keepAs: undefined, cacheHeaders };
};

/** The kept answer as the provider sent it: it is metered and cut like any other. */
export function replayOf({ contentType, body }: CachedAnswer): UpstreamResponse {
  return {
    status: 200,
    headers: { 'content-type': contentType },
    body: (async function* () {
      yield body;
    })(),
    close: () => {},
  };
}

/** The answer, copied while it is read; `whole()` is undefined when it is larger than `maxBytes`. */
export function recorded(body: AsyncIterable<Buffer>, maxBytes: number) {
  const chunks: Buffer[] = [];
  let size = 0;
  async function* copied(): AsyncGenerator<Buffer> {
    for await (const chunk of body) {
      size += chunk.length;
      if (size <= maxBytes) chunks.push(chunk);
      else chunks.length = 0;
      yield chunk;
    }
  }
  return { body: copied(), whole: () => (size > maxBytes ? undefined : Buffer.concat(chunks)) };
}

function missOf(isKept: boolean): 'miss' | 'bypass' {
  return isKept ? 'miss' : 'bypass';
}

function keyOf(
  { namespace, facts, chat, choice, callFor, outputCap, protocol, headers }: Cacheable,
  { isShared }: CacheRule,
): string {
  return cacheKeyOf({
    namespaceId: namespace.namespace.id,
    owner: isShared ? undefined : (facts.tenantId ?? facts.virtualKeyId ?? 'anonymous'),
    endpoint: protocol.name,
    providerId: choice.provider.provider.id,
    // The answer is kept as the provider sent it, which may offer the client's protocol or not.
    dialect: `${choice.provider.provider.dialect}${callFor(choice).translation === undefined ? '' : ', translated'}`,
    headers: dialectOf(choice.provider.provider).headers({
      secret: undefined,
      isStream: chat.isStream,
      client: headers,
    }),
    model: choice.resolvedModel,
    body: chat.original,
    maxTokens: upstreamMaxOf(chat.clientMax, outputCap),
  });
}
