import type { PortkeyConfig, PortkeyTarget } from '@ai-gateway/contracts';
import type { JsonObject } from '../../protocols/json-fields.ts';
import type { PortkeyCall } from '../dialect.ts';
import { adapterOf } from './target.ts';

/**
 * The config that a Portkey gateway routes one request by, in its own words. It holds the keys of the targets.
 * https://portkey.ai/docs/api-reference/inference-api/config-object
 */
export function portkeyConfigOf({ config, routes, model }: PortkeyCall): JsonObject {
  return {
    strategy: strategyOf(config.strategy),
    ...settingsOf(config),
    targets: routes.map((route) => ({
      ...(route.target.name !== undefined && { name: route.target.name }),
      ...(config.strategy.mode === 'loadbalance' && { weight: route.target.weight }),
      ...adapterOf(route, model),
      ...settingsOf(route.target, route.model),
    })),
  };
}

/** JSON for a header, which is ASCII: other characters are escaped. */
export function headerJson(value: object): string {
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value).replaceAll(/[^ -~]/g, escaped);
}

function strategyOf(strategy: PortkeyConfig['strategy']): JsonObject {
  const { mode } = strategy;
  switch (mode) {
    case 'single':
    case 'loadbalance':
      return { mode };
    case 'fallback':
      return { mode, ...(strategy.onStatusCodes && { on_status_codes: strategy.onStatusCodes }) };
    case 'conditional': {
      // From entries, since an object that is written with a field `then` looks like a promise.
      const conditions = strategy.conditions.map(({ query, target }) =>
        Object.fromEntries([
          ['query', query],
          ['then', target],
        ]),
      );
      return { mode, conditions, default: strategy.default };
    }
    default:
      return mode satisfies never;
  }
}

/** @param model the target's own name for the model; undefined: the one that is asked for */
function settingsOf(
  { overrideParams, retry, cache, requestTimeoutMs }: PortkeyConfig | PortkeyTarget,
  model?: string,
): JsonObject {
  const params = { ...overrideParams, ...(model !== undefined && { model }) };
  return {
    ...(Object.keys(params).length > 0 && { override_params: params }),
    ...(retry && {
      retry: { attempts: retry.attempts, ...(retry.onStatusCodes && { on_status_codes: retry.onStatusCodes }) },
    }),
    ...(cache && {
      cache: { mode: cache.mode, ...(cache.maxAgeSeconds !== undefined && { max_age: cache.maxAgeSeconds }) },
    }),
    ...(requestTimeoutMs !== undefined && { request_timeout: requestTimeoutMs }),
  };
}
